/* SPDX-License-Identifier: BSD-3-Clause */
// A probe without a data plane, for tests of the link with real processes: sends batches of known
// content as fast as asked and says what became of them. One JSON object a second, and one at the
// end.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
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
enum { O_EPOCH = 300, O_EPOCH_S, O_FLUSH, O_RESEND, O_PLAN, O_CATALOG };

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
	{"epoch", required_argument, NULL, O_EPOCH}, // of the first batch; each has its own
	{"epoch-s", required_argument, NULL, O_EPOCH_S},
	{"flush-s", required_argument, NULL, O_FLUSH}, // how long to wait at the end
	{"resend-ms", required_argument, NULL, O_RESEND},
	{"plan", required_argument, NULL, O_PLAN},	 // what is sent instead, see send_plan
	{"catalog", required_argument, NULL, O_CATALOG}, // sensors.json, sent first with a plan
	{NULL, 0, NULL, 0},
};

static struct feed {
	struct tt_link_client_conf conf;
	const char *key, *plan, *catalog;
	uint64_t batches, rows, rate, sent, packets, unsent;
	int64_t epoch;
	uint32_t epoch_s;
	int flush_s;
} f = {.conf = {.probe = "feed", .boot = "00000000000000f0"},
	.batches = 100,
	.rows = 1000,
	.epoch_s = 60,
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
	case O_EPOCH_S:
		f.epoch_s = (uint32_t)atoi(optarg);
		return 0;
	case O_FLUSH:
		f.flush_s = atoi(optarg);
		return 0;
	case O_PLAN:
		f.plan = optarg;
		return 0;
	case O_CATALOG:
		f.catalog = optarg;
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
	int64_t epoch = f.epoch + f.epoch_s * (int64_t)(seq - 1);
	uint64_t packets = 0;
	tt_batch_begin(b, f.conf.probe, f.conf.boot, f.epoch_s, sensors, 3, uplinks, 1);
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

// ---- a plan: sensors with their hours up or down, and what they saw

#define PLAN_SENSORS 8

struct plan {
	FILE *in;
	char names[PLAN_SENSORS][TT_ID_LEN];
	const char *ids[PLAN_SENSORS];
	unsigned n;
	uint64_t packets; // of the batch
};

static void plan_begin(struct tt_batch *b, const struct plan *p) {
	static const char *const uplinks[] = {"up0"};
	tt_batch_begin(b, f.conf.probe, f.conf.boot, 3600, p->ids, p->n, uplinks, 1);
}

static int plan_send(
	struct tt_link_client *c, struct tt_batch *b, struct plan *p, struct tt_err *err) {
	const void *msg;
	size_t len;
	int rc = tt_batch_encode(b, ++f.sent, &msg, &len);
	if (!rc)
		rc = tt_link_client_send(c, f.sent, p->packets, msg, len, err);
	f.packets += p->packets;
	p->packets = 0;
	plan_begin(b, p);
	return rc == -EAGAIN ? 0 : rc;
}

static int plan_line(struct tt_batch *b, struct plan *p, const char *line) {
	long long epoch;
	unsigned sensor, state, port, packets, s[4];
	if (sscanf(line, "state %lld %u %u %u", &epoch, &sensor, &state, &packets) == 4) {
		struct tt_sensor_state st = {.epoch = epoch,
			.sensor = (uint16_t)sensor,
			.state = (uint8_t)state,
			.received = packets};
		return tt_batch_add_state(b, &st);
	}
	if (sscanf(line, "scan %lld %u %u.%u.%u.%u %u %u", &epoch, &sensor, &s[0], &s[1], &s[2],
		    &s[3], &port, &packets) != 8)
		return -EINVAL;
	struct tt_obs o = {.epoch = epoch,
		.family = 4,
		.proto = 6,
		.class = TT_SCAN,
		.src = {(uint8_t)s[0], (uint8_t)s[1], (uint8_t)s[2], (uint8_t)s[3]},
		.sensor = (uint16_t)sensor,
		.port = (uint16_t)port,
		.packets = packets,
		.bytes = 60ull * packets,
		.ttl_min = 64,
		.ttl_max = 64};
	p->packets += packets;
	return tt_batch_add_obs(b, &o);
}

static int plan_catalog(struct tt_batch *b, struct tt_err *err) {
	json_error_t at;
	json_t *sensors = json_load_file(f.catalog, 0, &at);
	json_t *doc = json_pack("{s:s, s:o}", "type", "catalog", "sensors", sensors);
	char *text = doc ? json_dumps(doc, 0) : NULL;
	int rc = text ? tt_batch_set_meta(b, text, strlen(text))
		      : tt_err_set(err, -EINVAL, "%s: %s", f.catalog, at.text);
	free(text);
	json_decref(doc);
	return rc;
}

// Lines: "sensors ID..." first, then "state EPOCH SENSOR STATE RECEIVED" and "scan EPOCH SENSOR
// SOURCE PORT PACKETS" (sensors by number from 0, states by enum tt_state), "send" after each
// batch.
static int send_plan(struct tt_link_client *c, struct tt_batch *b, struct tt_err *err) {
	struct plan p = {.in = fopen(f.plan, "re")};
	char line[512];
	int rc = p.in && fscanf(p.in, "sensors") == 0 ? 0 : -EINVAL;
	while (!rc && p.n < PLAN_SENSORS && fscanf(p.in, "%*1[ ]%31[a-z0-9-]", p.names[p.n]) == 1) {
		p.ids[p.n] = p.names[p.n];
		p.n++;
	}
	plan_begin(b, &p);
	if (!rc && f.catalog)
		rc = plan_catalog(b, err);
	if (!rc && f.catalog)
		rc = plan_send(c, b, &p, err);
	while (!rc && !stop && fgets(line, sizeof(line), p.in)) {
		if (!strcmp(line, "send\n"))
			rc = plan_send(c, b, &p, err);
		else if (line[0] != '\n' && (rc = plan_line(b, &p, line)))
			tt_err_set(err, rc, "%s: %s", f.plan, line);
	}
	if (p.in)
		fclose(p.in);
	return rc;
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
	rc = f.plan ? send_plan(c, b, &err) : feed(c, b, &err);
	if (!rc)
		rc = finish(c, &err);
	if (rc)
		tt_log(TT_ERR, "%s", err.msg);
	say(c, "end");
	tt_link_client_destroy(&c);
	tt_batch_destroy(&b);
	return rc ? 1 : 0;
}
