/* SPDX-License-Identifier: BSD-3-Clause */
// From observations to acknowledged batches: encode, decode, and the link over ipc without a store.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "bench.h"
#include "tt_hash.h"
#include "tt_link.h"
#include "tt_time.h"
#include "tt_wire.h"

#define SENSORS	 30
#define SOURCES	 200000
#define ROWS	 TT_BATCH_ROWS_MAX
#define BOOT	 "00000000000000be"
#define EPOCH	 1734490800
#define MILLIONS 1e3 // per nanosecond, in millions a second

static const char *const uplinks[] = {"up0"};
static char sensor_ids[SENSORS][TT_ID_LEN];
static const char *sensors[SENSORS];

// 0..n-1, k about as often as 1/(k+1): log-uniform
static uint32_t zipf(uint64_t r, uint32_t n) {
	unsigned bits = 32 - (unsigned)__builtin_clz(n);
	unsigned e = (unsigned)((r & 0xffffffff) * bits >> 32);
	return ((1u << e) + (uint32_t)(r >> 32) % (1u << e) - 1) % n;
}

/// Zipf services with 5 % over all 65,536, many sources, one packet in most.
static void plausible(uint64_t i, struct tt_obs *o) {
	static const uint16_t ports[] = {23, 22, 8728, 80, 443, 445, 3389, 2323, 8080, 5555};
	uint64_t r = tt_mix64(i + 1), q = tt_mix64(r);
	uint64_t source = tt_mix64(zipf(tt_mix64(q), SOURCES) + 7);
	bool tcp = source % 10, many = q % 16 == 0;
	uint32_t packets = many ? 2 + (uint32_t)(q >> 20) % 60 : 1;
	uint32_t first = (uint32_t)(r >> 20) % 30000000;
	*o = (struct tt_obs){.epoch = EPOCH,
		.family = 4,
		.sensor = (uint16_t)(q % SENSORS),
		.class = tcp ? TT_SCAN : TT_BACKSCATTER,
		.proto = tcp ? 6 : 17,
		.port = r % 20 ? ports[zipf(q, 10)] : (uint16_t)(q >> 40),
		.flags = (uint8_t)(TT_OBS_OTHER_PORT | (tcp ? TT_OBS_SYN_SAMPLE : 0)),
		.packets = packets,
		.bytes = (uint64_t)packets * 60,
		.first_us = first,
		.last_us = first + (many ? 20000000 : 0),
		.tested = tcp ? packets : 0,
		.dst_bitmap = 1ull << (q >> 30 & 63) | (many ? 1ull << (q >> 36 & 63) : 0),
		.opt_hash = tcp ? (uint32_t)(source % 20) * 0x01000193u : 0,
		.window = tcp ? (uint16_t)(1024 << source % 6) : 0,
		.other_port = (uint16_t)(q >> 44),
		.tcp_flags = tcp ? 2 : 0,
		.ttl_min = (uint8_t)(40 + source % 80),
		.ttl_max = (uint8_t)(40 + source % 80)};
	o->matches[TT_TOOL_MIRAI] = source % 7 ? 0 : packets;
	memcpy(o->src, &source, 4);
}

static const void *encode(
	struct tt_batch *b, const struct tt_obs *rows, uint64_t seq, size_t *len) {
	const void *msg = NULL;
	tt_batch_begin(b, "bench", BOOT, 60, sensors, SENSORS, uplinks, 1);
	for (unsigned i = 0; i < ROWS; i++)
		tt_batch_add_obs(b, &rows[i]);
	return tt_batch_encode(b, seq, &msg, len) ? NULL : msg;
}

static void wire(struct bench *b, struct tt_batch *batch, const struct tt_obs *rows) {
	double in[RUNS_MAX], out[RUNS_MAX], bytes[RUNS_MAX];
	struct tt_batch_decoder *d = tt_batch_decoder_create();
	struct tt_batch_view v;
	unsigned repeat = b->quick ? 1 : 10;
	for (unsigned r = 0; d && r < b->runs; r++) {
		size_t len = 0;
		const void *msg = NULL;
		int64_t start = tt_mono_ns();
		for (unsigned k = 0; k < repeat; k++)
			msg = encode(batch, rows, 1, &len);
		int64_t middle = tt_mono_ns();
		for (unsigned k = 0; k < repeat; k++)
			if (!msg || tt_batch_decode(d, msg, len, &v, NULL))
				fprintf(stderr, "teiten-bench: a batch does not decode\n");
		int64_t end = tt_mono_ns();
		in[r] = MILLIONS * repeat * ROWS / (double)(middle - start);
		out[r] = MILLIONS * repeat * ROWS / (double)(end - middle);
		bytes[r] = (double)len / ROWS;
	}
	result_add(b, "wire_encode", "Mobs/s", (struct bar){0}, in, b->runs);
	result_add(b, "wire_decode", "Mobs/s", (struct bar){0}, out, b->runs);
	result_add(b, "wire_size", "B/obs", (struct bar){17, "lower"}, bytes, b->runs);
	tt_batch_decoder_destroy(&d);
}

// ---- the share of each stage, in CPU time of all threads

enum stage { ENCODE, COMPRESS, HAND_OVER, CARRY, RECEIVE, DECOMPRESS, DECODE, STAGE_N };
static const char *const stage_names[STAGE_N] = {
	[ENCODE] = "link_share_encode",
	[COMPRESS] = "link_share_compress",
	[HAND_OVER] = "link_share_hand_over", // to the link's thread: a copy
	[CARRY] = "link_share_carry",	  // the link's thread and libzmq's: send, receive, resend
	[RECEIVE] = "link_share_receive", // and acknowledge
	[DECOMPRESS] = "link_share_decompress",
	[DECODE] = "link_share_decode",
};
// of this thread, nanoseconds
static _Thread_local int64_t spent[STAGE_N];

static int64_t cpu_ns(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * TT_NS + t.tv_nsec;
}

static int64_t thread_ns(void) {
	return cpu_ns(CLOCK_THREAD_CPUTIME_ID);
}

// the linker puts these around zstd (meson.build)
size_t __real_ZSTD_compress2(void *c, void *dst, size_t cap, const void *src, size_t len);
size_t __wrap_ZSTD_compress2(void *c, void *dst, size_t cap, const void *src, size_t len);
size_t __real_ZSTD_decompressDCtx(void *d, void *dst, size_t cap, const void *src, size_t len);
size_t __wrap_ZSTD_decompressDCtx(void *d, void *dst, size_t cap, const void *src, size_t len);

size_t __wrap_ZSTD_compress2(void *c, void *dst, size_t cap, const void *src, size_t len) {
	int64_t start = thread_ns();
	size_t n = __real_ZSTD_compress2(c, dst, cap, src, len);
	spent[COMPRESS] += thread_ns() - start;
	return n;
}

size_t __wrap_ZSTD_decompressDCtx(void *d, void *dst, size_t cap, const void *src, size_t len) {
	int64_t start = thread_ns();
	size_t n = __real_ZSTD_decompressDCtx(d, dst, cap, src, len);
	spent[DECOMPRESS] += thread_ns() - start;
	return n;
}

/// The collector's side: takes, decodes, acknowledges.
struct end {
	struct tt_link_server *server;
	struct tt_batch_decoder *decoder;
	atomic_bool stop; // written by the main thread
	uint64_t rows;	  // of the thread until it is joined, as what follows
	int64_t spent[STAGE_N];
};

static int take(void *arg, const char *probe, const char *boot, uint64_t seq, const void *msg,
	size_t len, struct tt_err *err) {
	struct end *e = arg;
	struct tt_batch_view v;
	int64_t start = thread_ns();
	int rc = tt_batch_decode(e->decoder, msg, len, &v, err);
	spent[DECODE] += thread_ns() - start;
	if (rc)
		return rc;
	e->rows += v.head.obs_n;
	return 1;
}

static void *receive(void *arg) {
	struct end *e = arg;
	zmq_pollitem_t item = {tt_link_server_socket(e->server), 0, ZMQ_POLLIN, 0};
	while (!e->stop) {
		zmq_poll(&item, 1, 10);
		tt_link_server_receive(e->server, 8, take, e);
		tt_link_server_commit(e->server);
	}
	spent[RECEIVE] = thread_ns() - spent[DECODE];
	spent[DECODE] -= spent[DECOMPRESS];
	memcpy(e->spent, spent, sizeof(spent));
	return NULL;
}

static double deliver(struct tt_batch *batch, const struct tt_obs *rows, const char *endpoint,
	unsigned batches, struct tt_err *err) {
	struct tt_link_client_conf conf = {
		.endpoint = endpoint, .probe = "bench", .boot = BOOT, .block = true};
	struct tt_link_client *c = tt_link_client_create(&conf, err);
	int64_t start = tt_mono_ns();
	int rc = c ? 0 : -1;
	for (uint64_t seq = 1; !rc && seq <= batches; seq++) {
		size_t len;
		int64_t begun = thread_ns();
		const void *msg = encode(batch, rows, seq, &len);
		int64_t encoded = thread_ns();
		rc = msg ? tt_link_client_send(c, seq, ROWS, msg, len, err) : -1;
		spent[ENCODE] += encoded - begun;
		spent[HAND_OVER] += thread_ns() - encoded;
	}
	spent[ENCODE] -= spent[COMPRESS];
	if (!rc)
		rc = tt_link_client_flush(c, -1, err);
	int64_t end = tt_mono_ns();
	tt_link_client_destroy(&c);
	return rc ? 0 : MILLIONS * batches * ROWS / (double)(end - start);
}

// the share of each stage of a run in what the process took
static void share(const struct end *e, int64_t process, double share[STAGE_N]) {
	int64_t all[STAGE_N], known = 0;
	for (unsigned s = 0; s < STAGE_N; s++)
		known += all[s] = spent[s] + e->spent[s];
	all[CARRY] = process - known;
	for (unsigned s = 0; s < STAGE_N; s++)
		share[s] = 100 * (double)all[s] / (double)process;
}

static void link_ipc(struct bench *b, struct tt_batch *batch, const struct tt_obs *rows) {
	char dir[] = "/tmp/teiten-bench-XXXXXX", endpoint[80], path[64];
	struct tt_err err = {""};
	static double rate[RUNS_MAX], shares[STAGE_N][RUNS_MAX];
	unsigned batches = b->quick ? 4 : 40;
	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/link", dir);
	snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
	for (unsigned r = 0; r < b->runs; r++) {
		struct end e = {.decoder = tt_batch_decoder_create()};
		struct tt_link_server_conf conf = {.endpoint = endpoint};
		pthread_t t;
		void *ctx = zmq_ctx_new();
		e.server = tt_link_server_create(ctx, &conf, &err);
		int64_t before = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
		memset(spent, 0, sizeof(spent));
		bool running = e.server && e.decoder && !pthread_create(&t, NULL, receive, &e);
		rate[r] = running ? deliver(batch, rows, endpoint, batches, &err) : 0;
		e.stop = true;
		if (running)
			pthread_join(t, NULL);
		double of[STAGE_N];
		share(&e, cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - before, of);
		for (unsigned s = 0; s < STAGE_N; s++)
			shares[s][r] = of[s];
		if (e.rows != (uint64_t)batches * ROWS)
			fprintf(stderr, "teiten-bench: link: rows are missing: %s\n", err.msg);
		tt_link_server_destroy(&e.server);
		zmq_ctx_term(ctx);
		tt_batch_decoder_destroy(&e.decoder);
	}
	unlink(path);
	rmdir(dir);
	result_add(b, "link_ipc", "Mobs/s", (struct bar){5, "higher"}, rate, b->runs);
	for (unsigned s = 0; s < STAGE_N; s++)
		result_add(b, stage_names[s], "%", (struct bar){0}, shares[s], b->runs);
}

void bench_link(struct bench *b) {
	struct tt_obs *rows = malloc(ROWS * sizeof(*rows));
	struct tt_batch *batch = tt_batch_create();
	for (unsigned i = 0; i < SENSORS; i++) {
		snprintf(sensor_ids[i], sizeof(sensor_ids[i]), "sensor-%u", i);
		sensors[i] = sensor_ids[i];
	}
	if (rows && batch) {
		for (unsigned i = 0; i < ROWS; i++)
			plausible(i, &rows[i]);
		wire(b, batch, rows);
		link_ipc(b, batch, rows);
	}
	tt_batch_destroy(&batch);
	free(rows);
}
