/* SPDX-License-Identifier: BSD-3-Clause */
// A real device of DPDK (net_null) that vanishes as hardware does: by the event of its
// driver.
#include "uplink.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_rcu_qsbr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_log.h"
#include "worker.h"

// What a driver calls when its device is gone (exported by ethdev, declared in its driver header).
int rte_eth_dev_callback_process(struct rte_eth_dev *dev, enum rte_eth_event_type event, void *arg);
struct rte_eth_dev *rte_eth_dev_get_by_name(const char *name);

static struct eal eal;
static struct uplink uplink;
static struct worker worker;
static struct source source;
static struct rte_rcu_qsbr *readers;

static int start(void **state) {
	(void)state;
	static char *argv[] = {(char *)"test", (char *)"--no-huge", (char *)"-m", (char *)"64",
		(char *)"--no-pci", (char *)"-l", (char *)"0", (char *)"--no-shconf",
		(char *)"--no-telemetry", (char *)"--log-level=error", NULL};
	setenv("RUNTIME_DIRECTORY", "/dev/null", 1);
	if (rte_eal_init(10, argv) < 0)
		return -1;
	size_t size = rte_rcu_qsbr_get_memsize(1);
	readers = aligned_alloc(64, (size + 63) / 64 * 64);
	return rte_rcu_qsbr_init(readers, 1);
}

static int end(void **state) {
	(void)state;
	free(readers);
	return rte_eal_cleanup();
}

static void open_null(const struct uplink_conf *conf) {
	struct plan_device device;
	struct tt_err err = {""};
	static struct plan plan;
	const struct plan_worker one = {0, -1};
	uplink_guess(conf, &device);
	plan_make(&plan, &device, 1, &one, 1);
	assert_int_equal(uplink_open(&uplink, conf, &plan.uplinks[0], &eal, &device, &err), 0);
	plan_make(&plan, &device, 1, &one, 1);
	assert_int_equal(uplink_start(&uplink, &plan.uplinks[0], IDLE_ADAPTIVE, &err), 0);
	memset(&source, 0, sizeof(source));
	source.worker = &worker;
	worker.idler.epoll = -1;
	uplink.sources[0] = &source;
	source_set(&source, &uplink, true);
}

static unsigned receive(void) {
	struct rte_mbuf *burst[BURST];
	unsigned n = rte_eth_rx_burst(source.port, source.queue, burst, BURST);
	rte_pktmbuf_free_bulk(burst, n);
	return n;
}

static void a_device_that_its_driver_takes_away_is_opened_again(void **state) {
	(void)state;
	const struct uplink_conf conf = {
		.id = "up0", .kind = DEVICE_VDEV, .device = (char *)"net_null0"};
	open_null(&conf);
	uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	assert_true(atomic_load(&uplink.link_up));
	assert_int_equal(receive(), BURST);
	assert_true(uplink_was_up(&uplink));

	// a worker is at it
	rte_rcu_qsbr_thread_register(readers, 0);
	rte_rcu_qsbr_thread_online(readers, 0);
	rte_eth_dev_callback_process(
		rte_eth_dev_get_by_name("net_null0"), RTE_ETH_EVENT_INTR_RMV, NULL);
	uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	assert_int_equal(uplink.state, UPLINK_LEAVING);
	assert_false(atomic_load(&source.open));
	assert_false(atomic_load(&uplink.link_up));
	uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	assert_int_equal(uplink.state, UPLINK_LEAVING); // still at it
	assert_int_equal(receive(), BURST);		// and may be
	rte_rcu_qsbr_quiescent(readers, 0);
	uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	assert_int_equal(uplink.state, UPLINK_GONE);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_false(uplink_was_up(&uplink));

	for (unsigned i = 0; i < 300 && uplink.state != UPLINK_OPEN; i++) {
		usleep(10000);
		uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	}
	assert_int_equal(uplink.state, UPLINK_OPEN);
	assert_true(atomic_load(&source.open));
	assert_int_equal(receive(), BURST);
	uplink_watch(&uplink, readers, IDLE_ADAPTIVE);
	assert_true(atomic_load(&uplink.link_up));
	assert_false(uplink_was_up(&uplink)); // not all through the epoch
	assert_true(uplink_was_up(&uplink));  // the next
	rte_rcu_qsbr_thread_offline(readers, 0);
	rte_rcu_qsbr_thread_unregister(readers, 0);
	uplink_close(&uplink);
}

static void losses_are_counted_once_and_by_epoch(void **state) {
	(void)state;
	const struct uplink_conf conf = {
		.id = "up0", .kind = DEVICE_VDEV, .device = (char *)"net_null0"};
	struct losses lost, ever;
	open_null(&conf);
	uplink.total.imissed = 7; // as uplink_count would have it
	uplink.total.ierrors = 2;
	uplink_losses(&uplink, &lost, &ever);
	assert_int_equal(lost.imissed, 7);
	assert_int_equal(lost.ierrors, 2);
	uplink.total.imissed += 3;
	uplink_losses(&uplink, &lost, &ever);
	assert_int_equal(lost.imissed, 3);
	assert_int_equal(lost.ierrors, 0);
	assert_int_equal(ever.imissed, 10);
	uplink_close(&uplink);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_its_driver_takes_away_is_opened_again),
		cmocka_unit_test(losses_are_counted_once_and_by_epoch),
	};
	return cmocka_run_group_tests(tests, start, end);
}
