/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_rig.h"
#include "tt_hash.h"
#include "tt_time.h"

const struct tt_flow_conf rig_conf = {
	.socket = -1,
	.epoch_s = 60,
	.ipv4 = 50000,
	.ipv6 = 20000,
	.spill = 1000,
	.tallies = 2000,
	.sensors = RIG_SENSORS,
	.uplinks = RIG_UPLINKS,
	.secret = "not so secret",
};

uint64_t rig_seed;

static uint32_t rnd(uint32_t n) {
	rig_seed += 0x9e3779b97f4a7c15;
	return (uint32_t)((tt_mix64(rig_seed) >> 32) * n >> 32);
}

void rig_packet(const struct rig_traffic *t, struct tt_pkt *p, int64_t *ns, uint32_t *len) {
	*p = (struct tt_pkt){.sensor = TT_NO_SENSOR};
	uint32_t src = rnd(t->sources);
	p->class = rnd(20) ? (uint8_t)rnd(TT_OBSERVED_CLASS_N) : (uint8_t)(TT_MALFORMED + rnd(2));
	p->family = rnd(3) ? 4 : 6;
	memcpy(p->src, &src, 4);
	if (p->family == 6)
		memset(p->src + 4, 0x20, 12);
	uint32_t dst = rnd(256);
	memcpy(p->dst, &dst, 4);
	p->proto = rnd(2) ? 6 : 17;
	p->port = (uint16_t)rnd(t->ports);
	p->has_ports = rnd(4) > 0;
	p->other_port = p->has_ports ? (uint16_t)(1000 + rnd(2)) : 0;
	p->ttl = (uint8_t)rnd(256);
	p->tcp_flags = (uint8_t)(1u << rnd(8));
	p->traits = 1u << rnd(TT_TRAIT_N);
	p->tools = rnd(2) ? (uint8_t)rnd(8) : 0;
	p->testable = rnd(2) > 0;
	p->syn_sample = rnd(3) == 0;
	p->window = p->syn_sample ? (uint16_t)rnd(65536) : 0;
	p->opt_hash = p->syn_sample ? rnd(UINT32_MAX) : 0;
	p->feed_fragment = rnd(10) == 0;
	if (rnd(10))
		p->sensor = (uint16_t)rnd(RIG_SENSORS);
	*ns = (t->start + rnd(t->span_s)) * TT_NS + rnd(1000000000);
	*len = 60 + rnd(1440);
}

void rig_open(struct rig *b, const struct tt_flow_conf *conf) {
	*b = (struct rig){.conf = *conf};
	struct tt_err err;
	b->flow = tt_flow_create(conf, &err);
	if (!b->flow)
		fail_msg("%s", err.msg);
	b->sink = (struct tt_flow_sink){model_obs, model_tally, &b->out};
}

void rig_close(struct rig *b) {
	tt_flow_destroy(&b->flow);
	assert_null(b->flow);
	model_free(&b->in);
	model_free(&b->out);
}

/// Adds all packets, harvesting where the table asks for it.
void rig_add(struct rig *b, unsigned uplink, const struct tt_pkt *p, const int64_t *ns,
	const uint32_t *len, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		model_packet(&b->in, b->conf.epoch_s, b->conf.sensors, (uint16_t)uplink, &p[i],
			ns[i], len[i]);
	for (unsigned done = 0; done < n;) {
		done += tt_flow_add(b->flow, uplink, p + done, ns + done, len + done, n - done);
		if (done < n)
			assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 1);
	}
}

void rig_drain(struct rig *b) {
	tt_flow_harvest(b->flow, &b->sink);
	assert_true(tt_flow_switch(b->flow));
	assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 1);
	assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 0);
	assert_true(tt_flow_idle(b->flow));
}

void rig_add_random(struct rig *b, const struct rig_traffic *t, unsigned bursts) {
	for (unsigned i = 0; i < bursts; i++) {
		struct tt_pkt p[64];
		int64_t ns[64];
		uint32_t len[64];
		unsigned n = 1 + rnd(64);
		for (unsigned k = 0; k < n; k++) {
			if (k && rnd(4) == 0) { // the same flow again in the burst
				p[k] = p[rnd(k)];
				ns[k] = ns[k - 1];
				len[k] = 60 + rnd(40);
			} else {
				rig_packet(t, &p[k], &ns[k], &len[k]);
			}
		}
		rig_add(b, rnd(RIG_UPLINKS), p, ns, len, n);
	}
}

void rig_assert_same_tallies(struct rig *b) {
	assert_int_equal(b->in.tally_n, b->out.tally_n);
	for (size_t i = 0; i < b->in.tally_n; i++) {
		const struct tt_tally *x = &b->in.tallies[i], *y = &b->out.tallies[i];
		assert_int_equal(x->epoch, y->epoch);
		assert_int_equal(x->uplink, y->uplink);
		assert_int_equal(x->feed_fragments, y->feed_fragments);
		for (unsigned f = 0; f < TT_FATE_OBSERVED; f++) {
			assert_int_equal(x->packets[f], y->packets[f]);
			assert_int_equal(x->bytes[f], y->bytes[f]);
		}
		assert_int_equal(x->packets[TT_FATE_OBSERVED],
			y->packets[TT_FATE_OBSERVED] + y->packets[TT_FATE_SPILLED]);
		assert_int_equal(x->bytes[TT_FATE_OBSERVED],
			y->bytes[TT_FATE_OBSERVED] + y->bytes[TT_FATE_SPILLED]);
	}
}

static void assert_same_obs(const struct tt_obs *x, const struct tt_obs *y) {
	assert_int_equal(model_key_cmp(x, y), 0);
	assert_int_equal(x->flags, y->flags);
	assert_int_equal(x->packets, y->packets);
	assert_int_equal(x->bytes, y->bytes);
	assert_int_equal(x->first_us, y->first_us);
	assert_int_equal(x->last_us, y->last_us);
	assert_int_equal(x->traits, y->traits);
	for (unsigned t = 0; t < TT_TOOL_N; t++)
		assert_int_equal(x->matches[t], y->matches[t]);
	assert_int_equal(x->tested, y->tested);
	assert_int_equal(x->opt_hash, y->opt_hash);
	assert_int_equal(x->window, y->window);
	assert_int_equal(x->other_port, y->other_port);
	assert_int_equal(x->tcp_flags, y->tcp_flags);
	assert_int_equal(x->ttl_min, y->ttl_min);
	assert_int_equal(x->ttl_max, y->ttl_max);
	assert_in_range(__builtin_popcountll(y->dst_bitmap), 1, x->packets < 64 ? x->packets : 64);
}

/// Everything that went in came out, field by field.
void rig_assert_same(struct rig *b) {
	model_fold(&b->in, MODEL_FLOW, true);
	model_fold(&b->out, MODEL_FLOW, true);
	rig_assert_same_tallies(b);
	assert_int_equal(b->in.n, b->out.n);
	for (size_t i = 0; i < b->in.n; i++) {
		assert_same_obs(&b->in.rows[i].obs, &b->out.rows[i].obs);
	}
}

/// As rig_assert_same, but packets may have been counted without their source, service or both.
void rig_assert_same_but_spilled(struct rig *b, bool epochs) {
	uint64_t packets[TT_FATE_N], bytes[TT_FATE_N], spilled[2] = {0};
	bool totals = false;
	model_tally_sum(&b->out, packets, bytes);
	for (size_t i = 0; i < b->out.n; i++) {
		const struct tt_obs *o = &b->out.rows[i].obs;
		assert_true(o->packets > 0);
		if (!(o->flags & TT_OBS_SPILLED)) {
			assert_true(o->family == 4 || o->family == 6);
			continue;
		}
		assert_int_equal(o->family, 0);
		totals |= (o->flags & TT_OBS_CLASS_TOTAL) != 0;
		spilled[0] += o->packets;
		spilled[1] += o->bytes;
	}
	assert_int_equal(spilled[0], packets[TT_FATE_SPILLED]);
	assert_int_equal(spilled[1], bytes[TT_FATE_SPILLED]);
	enum model_key key = totals ? MODEL_CLASS : MODEL_SERVICE;
	for (size_t i = 0; !epochs && i < b->in.n; i++)
		b->in.rows[i].obs.epoch = 0;
	for (size_t i = 0; !epochs && i < b->out.n; i++)
		b->out.rows[i].obs.epoch = 0;
	model_fold(&b->in, key, epochs);
	model_fold(&b->out, key, epochs);
	rig_assert_same_tallies(b);
	assert_int_equal(b->in.n, b->out.n);
	for (size_t i = 0; i < b->in.n; i++) {
		const struct tt_obs *x = &b->in.rows[i].obs, *y = &b->out.rows[i].obs;
		assert_int_equal(model_key_cmp(x, y), 0);
		assert_int_equal(x->packets, y->packets);
		assert_int_equal(x->bytes, y->bytes);
		if (epochs) {
			assert_int_equal(x->first_us, y->first_us);
			assert_int_equal(x->last_us, y->last_us);
		}
	}
}
