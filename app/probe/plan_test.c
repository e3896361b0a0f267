/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plan plan, before;

static struct plan_device nic(unsigned mbps, int node) {
	return (struct plan_device){.kind = DEVICE_PCI,
		.mbps = mbps,
		.queues_max = 64,
		.ring_max = 4096,
		.mtu = 1500,
		.scatters = true,
		.node = node};
}

static void workers_on(struct plan_worker *w, unsigned n, unsigned nodes) {
	for (unsigned i = 0; i < n; i++)
		w[i] = (struct plan_worker){i + 1, nodes ? (int)(i % nodes) : -1};
}

static void test_line_rates_are_those_of_the_textbook(void **state) {
	(void)state;
	assert_int_equal(plan_line_rate(10000), 14880952);
	assert_int_equal(plan_line_rate(25000), 37202380);
	assert_int_equal(plan_line_rate(100000), 148809523);
}

static void test_a_fast_link_is_spread_over_the_workers_of_its_node(void **state) {
	(void)state;
	struct plan_worker w[8];
	struct plan_device d[2] = {nic(100000, 0), nic(100000, 1)};
	workers_on(w, 8, 2);
	plan_make(&plan, d, 2, w, 8);
	assert_int_equal(plan.uplinks[0].queues, 4);
	assert_int_equal(plan.queue_n, 8);
	unsigned of[8] = {0};
	for (unsigned i = 0; i < plan.queue_n; i++) {
		const struct plan_queue *q = &plan.queues[i];
		assert_int_equal(w[q->worker].node, q->uplink);
		assert_false(q->far);
		of[q->worker]++;
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(of[i], 1);
}

static void test_slow_links_get_one_queue_each_and_different_workers(void **state) {
	(void)state;
	struct plan_worker w[4];
	struct plan_device d[4] = {nic(1000, -1), nic(1000, -1), nic(1000, -1), nic(1000, -1)};
	unsigned seen = 0;
	workers_on(w, 4, 0);
	plan_make(&plan, d, 4, w, 4);
	assert_int_equal(plan.queue_n, 4);
	for (unsigned i = 0; i < 4; i++)
		seen |= 1u << plan.queues[i].worker;
	assert_int_equal(seen, 15);
}

static void test_a_fast_link_counts_for_more_than_a_slow_one(void **state) {
	(void)state;
	struct plan_worker w[2];
	struct plan_device d[3] = {nic(10000, -1), nic(1000, -1), nic(1000, -1)};
	workers_on(w, 2, 0);
	d[0].queues = 1;
	plan_make(&plan, d, 3, w, 2);
	assert_int_equal(plan.queues[0].worker, 0);
	assert_int_equal(plan.queues[1].worker, 1);
	assert_int_equal(plan.queues[2].worker, 1);
}

static void test_what_the_configuration_says_is_done_unless_the_device_cannot(void **state) {
	(void)state;
	struct plan_worker w[2];
	struct plan_device d = nic(10000, 1);
	workers_on(w, 2, 1); // none on node 1
	d.queues = 5;
	d.descriptors = 8192;
	d.buffers = 1000000;
	plan_make(&plan, &d, 1, w, 2);
	assert_int_equal(plan.uplinks[0].queues, 5); // refused where it is opened, not made fewer
	assert_int_equal(plan.uplinks[0].ring, 4096);
	assert_int_equal(plan.uplinks[0].buffers, 1000000);
	unsigned of[2] = {0};
	for (unsigned i = 0; i < plan.queue_n; i++) {
		assert_true(plan.queues[i].far);
		of[plan.queues[i].worker]++;
	}
	assert_int_equal(of[0], 3);
	assert_int_equal(of[1], 2);
}

static void test_rings_hold_a_millisecond_and_naps_half_a_ring(void **state) {
	(void)state;
	struct plan_worker w[16];
	struct plan_device d = nic(1000, -1);
	workers_on(w, 16, 0);
	plan_make(&plan, &d, 1, w, 16);
	assert_int_equal(plan.uplinks[0].ring, 2048);	   // 1,488 packets
	assert_int_equal(plan.uplinks[0].nap_max_us, 688); // of 1,376 to fill 2,048
	d = nic(10000, -1);
	plan_make(&plan, &d, 1, w, 16);
	assert_int_equal(plan.uplinks[0].queues, 2);
	assert_int_equal(plan.uplinks[0].ring, 4096);
	assert_in_range(plan.uplinks[0].nap_max_us, 100, 275);
	d = nic(0, -1);
	plan_make(&plan, &d, 1, w, 16);
	assert_int_equal(plan.uplinks[0].queues, 16);
	assert_int_equal(plan.uplinks[0].ring, 4096);
}

static void test_virtual_devices_have_one_queue_and_captures_no_buffers(void **state) {
	(void)state;
	struct plan_worker w[4];
	struct plan_device d[2] = {
		{.kind = DEVICE_VDEV, .mtu = 1500, .node = -1}, {.kind = DEVICE_FILE, .node = -1}};
	workers_on(w, 4, 0);
	plan_make(&plan, d, 2, w, 4);
	assert_int_equal(plan.uplinks[0].queues, 1);
	assert_int_equal(plan.uplinks[1].queues, 1);
	assert_int_equal(plan.uplinks[1].buffers, 0);
	assert_int_not_equal(plan.queues[0].worker, plan.queues[1].worker);
}

static void test_large_frames_fit_where_the_device_does_not_scatter_them(void **state) {
	(void)state;
	struct plan_worker w[1];
	struct plan_device d = nic(10000, -1);
	workers_on(w, 1, 0);
	d.mtu = 9000;
	plan_make(&plan, &d, 1, w, 1);
	assert_int_equal(plan.uplinks[0].room, 2176);
	assert_int_equal(plan.uplinks[0].mtu, 9000);
	d.scatters = false;
	plan_make(&plan, &d, 1, w, 1);
	assert_in_range(plan.uplinks[0].room, 9000 + 26 + 128, 9000 + 26 + 128 + 63);
	d = (struct plan_device){.kind = DEVICE_VDEV, .in_kernel = true, .mtu = 9000, .node = -1};
	plan_make(&plan, &d, 1, w, 1);
	assert_int_equal(plan.uplinks[0].frame_size, 16384);
	assert_int_equal(plan.uplinks[0].frames, 2048);
	assert_true(plan.uplinks[0].room >= 16384 + 128);
	d.mtu = 1500;
	plan_make(&plan, &d, 1, w, 1);
	assert_int_equal(plan.uplinks[0].frame_size, 2048);
	assert_int_equal(plan.uplinks[0].frames, 4096);
}

static struct plan_device any_device(void) {
	struct plan_device d =
		nic((unsigned[]){0, 100, 1000, 10000, 25000, 400000}[rand() % 6], rand() % 3 - 1);
	d.kind = rand() % 3 ? DEVICE_PCI : rand() % 2 ? DEVICE_VDEV : DEVICE_FILE;
	d.in_kernel = d.kind == DEVICE_VDEV && rand() % 2;
	d.queues = rand() % 2 ? 0 : (unsigned)(rand() % 8);
	d.descriptors = rand() % 4 ? 0 : 64u << rand() % 8;
	d.mtu = (unsigned)(rand() % 9600);
	d.queues_max = (unsigned)(rand() % 64);
	d.scatters = rand() % 2;
	return d;
}

static void check_invariants(const struct plan_device *d, unsigned n, unsigned workers) {
	unsigned k = 0;
	for (unsigned u = 0; u < n; u++) {
		const struct plan_uplink *x = &plan.uplinks[u];
		assert_in_range(x->queues, 1, 64);
		if (d[u].kind != DEVICE_FILE) {
			assert_true(x->buffers >= 2 * x->queues * x->ring + workers * PLAN_BURST);
			assert_in_range(x->nap_max_us, 1, PLAN_NAP_MAX_US);
		}
		for (unsigned q = 0; q < x->queues; q++, k++) {
			assert_int_equal(plan.queues[k].uplink, u);
			assert_int_equal(plan.queues[k].queue, q);
			assert_true(plan.queues[k].worker < workers);
		}
	}
	assert_int_equal(k, plan.queue_n);
}

static void test_any_plan_deals_out_every_queue_once_and_knowing_more_takes_no_more(void **state) {
	(void)state;
	struct plan_worker w[32];
	struct plan_device d[16];
	srand(7);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 1 + (unsigned)(rand() % 16), workers = 1 + (unsigned)(rand() % 32);
		workers_on(w, workers, (unsigned)(rand() % 3));
		for (unsigned i = 0; i < n; i++)
			d[i] = any_device();
		plan_make(&plan, d, n, w, workers);
		check_invariants(d, n, workers);
		uint64_t known = plan_bytes(&plan, 4096);
		for (unsigned i = 0; i < n; i++) {
			// as before the devices are open
			d[i].mbps = d[i].queues_max = d[i].ring_max = 0;
			d[i].scatters = false;
			d[i].node = -1;
		}
		plan_make(&before, d, n, w, workers);
		assert_true(plan_bytes(&before, 4096) >= known);
	}
}

// A buffer of ordinary size has a small page for itself; two of half a page share one; larger ones,
// and pages that hold many, lose nothing.
static void test_buffers_in_small_pages_take_more(void **state) {
	(void)state;
	static const struct {
		unsigned room;
		uint64_t page, each;
	} sizes[] = {{2176, 4096, 4096}, {1664, 4096, 2048}, {9216, 4096, 9216 + 256},
		{2176, 2 << 20, (2 << 20) / 862}};
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		plan.uplink_n = 2;
		for (unsigned u = 0; u < 2; u++)
			plan.uplinks[u] =
				(struct plan_uplink){.buffers = 1000, .room = sizes[i].room};
		assert_int_equal(plan_bytes(&plan, sizes[i].page), 2000 * (sizes[i].each + 32));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers_in_small_pages_take_more),
		cmocka_unit_test(test_line_rates_are_those_of_the_textbook),
		cmocka_unit_test(test_a_fast_link_is_spread_over_the_workers_of_its_node),
		cmocka_unit_test(test_slow_links_get_one_queue_each_and_different_workers),
		cmocka_unit_test(test_a_fast_link_counts_for_more_than_a_slow_one),
		cmocka_unit_test(test_what_the_configuration_says_is_done_unless_the_device_cannot),
		cmocka_unit_test(test_rings_hold_a_millisecond_and_naps_half_a_ring),
		cmocka_unit_test(test_virtual_devices_have_one_queue_and_captures_no_buffers),
		cmocka_unit_test(test_large_frames_fit_where_the_device_does_not_scatter_them),
		cmocka_unit_test(
			test_any_plan_deals_out_every_queue_once_and_knowing_more_takes_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
