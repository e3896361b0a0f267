/* SPDX-License-Identifier: BSD-3-Clause */
// A probe without a data plane, for tests of the link with real processes: sends batches of known
// content as fast as asked and says what became of them. One JSON object a second, and one at the
// end.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tt_hash.h"
#include "tt_link.h"
#include "tt_log.h"
#include "tt_time.h"
#include "tt_wire.h"

enum {
	O_ENDPOINT = 256,
	O_PROBE,
	O_BOOT,
	O_BATCHES,
	O_ROWS,
	O_RATE,
	O_SPOOL,
	O_SPOOL_KB,
	O_KEY,
	O_SERVER
};
enum { O_EPOCH = 300, O_FLUSH, O_RESEND };

static const struct option longopts[] = {
	{"endpoint", required_argument, NULL, O_ENDPOINT},
	{"probe", required_argument, NULL, O_PROBE},
	{"boot", required_argument, NULL, O_BOOT},
	{"batches", required_argument, NULL, O_BATCHES},
	{"rows", required_argument, NULL, O_ROWS},
	{"rate", required_argument, NULL, O_RATE}, // batches a second, 0: as fast as may be
	{"spool", required_argument, NULL, O_SPOOL},
	{"spool-kb", required_argument, NULL, O_SPOOL_KB},
	{"key", required_argument, NULL, O_KEY}, // file of one's own secret key
	{"server-key", required_argument, NULL, O_SERVER},
	{"epoch", required_argument, NULL, O_EPOCH},   // of the first batch; each has its own
	{"flush-s", required_argument, NULL, O_FLUSH}, // how long to wait at the end
	{"resend-ms", required_argument, NULL, O_RESEND},
	{NULL, 0, NULL, 0},
};

static struct feed {
	struct tt_link_client_conf conf;
	const char *key;
	uint64_t batches, rows, rate, sent, packets, unsent;
	int64_t epoch;
	int flush_s;
} f = {.conf = {.probe = "feed", .boot = "00000000000000f0"},
	.batches = 100,
	.rows = 1000,
	.flush_s = 30};

static volatile sig_atomic_t stop;
static void on_signal(int sig) {
	stop = 1;
}

static int take_option(int opt) {
	switch (opt) {
	case O_ENDPOINT:
		f.conf.endpoint = optarg;
		return 0;
	case O_PROBE:
		f.conf.probe = optarg;
		return 0;
	case O_BOOT:
		f.conf.boot = optarg;
		return 0;
	case O_BATCHES:
		f.batches = strtoull(optarg, NULL, 10);
		return 0;
	case O_ROWS:
		f.rows = strtoull(optarg, NULL, 10);
		return 0;
	case O_RATE:
		f.rate = strtoull(optarg, NULL, 10);
		return 0;
	case O_SPOOL:
		f.conf.spool = optarg;
		return 0;
	case O_SPOOL_KB:
		f.conf.spool_max = strtoull(optarg, NULL, 10) << 10;
		return 0;
	case O_KEY:
		f.key = optarg;
		return 0;
	case O_SERVER:
		snprintf(f.conf.keys.server_key, sizeof(f.conf.keys.server_key), "%s", optarg);
		return 0;
	case O_EPOCH:
		f.epoch = strtoll(optarg, NULL, 10);
		return 0;
	case O_FLUSH:
		f.flush_s = atoi(optarg);
		return 0;
	case O_RESEND:
		f.conf.resend_ms = (unsigned)atoi(optarg);
		return 0;
	default:
		return -EINVAL;
	}
}

static void say(struct tt_link_client *c, const char *state) {
	struct tt_link_client_stats st;
	tt_link_client_stats(c, &st);
	printf("{\"state\":\"%s\",\"at_ns\":%" PRId64 ",\"handed\":%" PRIu64 ",\"packets\":%" PRIu64
	       ",\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"resent\":%" PRIu64
	       ",\"refused\":%" PRIu64 ",\"lost_batches\":%" PRIu64 ",\"lost_packets\":%" PRIu64
	       ",\"waiting\":%" PRIu64 ",\"connected\":%s}\n",
		state, tt_mono_ns(), f.sent, f.packets, st.sent, st.acked, st.resent, st.refused,
		st.lost_batches, st.lost_packets, st.spool_batches,
		st.connected ? "true" : "false");
	fflush(stdout);
}

// row i of a batch: source, port and packets follow from its number alone
static uint64_t fill(struct tt_batch *b, uint64_t seq) {
	static const char *const sensors[] = {"s1", "s2", "s3"}, *const uplinks[] = {"up0"};
	int64_t epoch = f.epoch + 60 * (int64_t)(seq - 1);
	uint64_t packets = 0;
	tt_batch_begin(b, f.conf.probe, f.conf.boot, 60, sensors, 3, uplinks, 1);
	for (uint64_t i = 0; i < f.rows; i++) {
		uint32_t source = (uint32_t)tt_mix64(seq << 20 | i);
		struct tt_obs o = {.epoch = epoch,
			.family = 4,
			.proto = 6,
			.sensor = (uint16_t)(i % 3),
			.port = (uint16_t)(i % 100),
			.packets = 1 + i % 7,
			.bytes = 60 * (1 + i % 7),
			.ttl_min = 64,
			.ttl_max = 64};
		memcpy(o.src, &source, 4);
		packets += o.packets;
		tt_batch_add_obs(b, &o);
	}
	struct tt_tally t = {.epoch = epoch, .link_up = 1, .packets[TT_FATE_OBSERVED] = packets};
	tt_batch_add_tally(b, &t);
	for (uint16_t s = 0; s < 3; s++) {
		struct tt_sensor_state st = {.epoch = epoch, .sensor = s, .received = packets};
		tt_batch_add_state(b, &st);
	}
	return packets;
}

static void keep_pace(int64_t start) {
	if (!f.rate)
		return;
	int64_t due = start + (int64_t)(f.sent * (uint64_t)TT_NS / f.rate), now = tt_mono_ns();
	if (due > now) {
		struct timespec t = {(due - now) / TT_NS, (due - now) % TT_NS};
		nanosleep(&t, NULL);
	}
}

static int feed(struct tt_link_client *c, struct tt_batch *b, struct tt_err *err) {
	int64_t start = tt_mono_ns(), told = start;
	int rc = 0;
	while (!stop && f.sent < f.batches && (!rc || rc == -EAGAIN)) {
		const void *msg;
		size_t len;
		uint64_t packets = fill(b, f.sent + 1);
		rc = tt_batch_encode(b, f.sent + 1, &msg, &len);
		if (!rc)
			rc = tt_link_client_send(c, f.sent + 1, packets, msg, len, err);
		f.sent++;
		f.packets += packets;
		if (tt_mono_ns() - told >= TT_NS) {
			say(c, "sending");
			told = tt_mono_ns();
		}
		keep_pace(start);
	}
	return rc == -EAGAIN ? 0 : rc;
}

// waits for what is not acknowledged, and says every second how far it is
static int finish(struct tt_link_client *c, struct tt_err *err) {
	int rc = -ETIMEDOUT;
	for (int s = 0; !stop && s < f.flush_s && rc == -ETIMEDOUT; s++) {
		rc = tt_link_client_flush(c, 1000, err);
		say(c, rc ? "waiting" : "done");
	}
	return rc;
}

int main(int argc, char **argv) {
	struct tt_err err = {""};
	int opt, rc = 0;
	// recent enough for any retention, long enough ago for any number of batches
	f.epoch = tt_now_ns() / TT_NS / 3600 * 3600 - 2 * 86400;
	tt_log_name("link_feed");
	tt_log_to(tt_log_stderr);
	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1 && !rc)
		rc = take_option(opt);
	if (!rc && f.key)
		rc = tt_link_keys_load(&f.conf.keys, f.key, &err);
	struct sigaction sa = {.sa_handler = on_signal};
	sigaction(SIGTERM, &sa, NULL);
	f.conf.block = !f.conf.spool && !f.conf.spool_max;
	struct tt_batch *b = tt_batch_create();
	struct tt_link_client *c = rc || !b ? NULL : tt_link_client_create(&f.conf, &err);
	if (!c) {
		tt_log(TT_ERR, "%s", err.msg[0] ? err.msg : strerror(-rc));
		tt_batch_destroy(&b);
		return 2;
	}
	rc = feed(c, b, &err);
	if (!rc)
		rc = finish(c, &err);
	if (rc)
		tt_log(TT_ERR, "%s", err.msg);
	say(c, "end");
	tt_link_client_destroy(&c);
	tt_batch_destroy(&b);
	return rc ? 1 : 0;
}
