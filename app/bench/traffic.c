/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic_frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tt_hash.h"

#define PAGE_2M (2ull << 20)

/// Memory on hugepages where the kernel gives them: the streams shall not cost what the path does.
static void *stream_alloc(size_t size) {
	size = (size + PAGE_2M - 1) & ~(PAGE_2M - 1);
	void *p = aligned_alloc(PAGE_2M, size);
	if (p) {
		madvise(p, size, MADV_HUGEPAGE);
		memset(p, 0, size);
	}
	return p;
}

static uint32_t draw(uint64_t *state, uint32_t n) {
	*state += 0x9e3779b97f4a7c15;
	return (uint32_t)((tt_mix64(*state) >> 32) * n >> 32);
}

/// A flow number drawn with probability as 1 / (number + 1), nearly.
static uint32_t draw_zipf(uint64_t *state, uint32_t n) {
	double u = (draw(state, UINT32_MAX) + 0.5) / UINT32_MAX;
	uint32_t k = (uint32_t)(exp(u * log(n + 1.0)) - 1);
	return k < n ? k : n - 1;
}

static void key_of(struct traffic_key *k, uint32_t flow, const uint8_t *frame) {
	*k = (struct traffic_key){
		.epoch = TRAFFIC_EPOCH, .sensor = flow % TRAFFIC_SENSORS, .proto = 6};
	memcpy(&k->src, frame + 26, 4);
	k->port = (uint16_t)(frame[36] << 8 | frame[37]);
}

static void key6_of(struct traffic_key6 *k, uint32_t flow, const uint8_t *frame) {
	*k = (struct traffic_key6){
		.epoch = TRAFFIC_EPOCH, .sensor = flow % TRAFFIC_SENSORS, .proto = 6};
	memcpy(k->src, frame + 22, 16);
	k->port = (uint16_t)(frame[56] << 8 | frame[57]);
}

/// flows, n and the sizes are set.
static bool fill(struct traffic *t, enum traffic_order order) {
	uint64_t state = t->flows;
	t->n = (t->n + BURST - 1) / BURST * BURST;
	t->frames = stream_alloc((size_t)t->n * t->stride);
	t->keys = stream_alloc((size_t)t->n * t->key_len);
	if (!t->frames || !t->keys) {
		traffic_destroy(t);
		return false;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t flow = order == TRAFFIC_ONCE	? i
				: order == TRAFFIC_ZIPF ? draw_zipf(&state, t->flows)
							: draw(&state, t->flows);
		uint32_t salt = draw(&state, 65536);
		uint8_t *frame = traffic_frame_at(t, i);
		if (t->len == FRAME_LEN) {
			traffic_frame(frame, flow, salt);
			key_of(traffic_key_at(t, i), flow, frame);
		} else {
			traffic_frame6(frame, flow, salt);
			key6_of(traffic_key_at(t, i), flow, frame);
		}
	}
	return true;
}

bool traffic_create(struct traffic *t, uint32_t flows, uint32_t n, enum traffic_order order) {
	*t = (struct traffic){.flows = flows,
		.n = n,
		.len = FRAME_LEN,
		.stride = 64,
		.key_len = sizeof(struct traffic_key)};
	return fill(t, order);
}

bool traffic_create6(struct traffic *t, uint32_t flows, uint32_t n, enum traffic_order order) {
	*t = (struct traffic){.flows = flows,
		.n = n,
		.len = FRAME6_LEN,
		.stride = 128,
		.key_len = sizeof(struct traffic_key6)};
	return fill(t, order);
}

void traffic_destroy(struct traffic *t) {
	free(t->frames);
	free(t->keys);
	*t = (struct traffic){0};
}
