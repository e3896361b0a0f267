/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "sub.h"
#include "tt_print.h"
#include "tt_time.h"

static const char *text(const json_t *o, const char *key) {
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "-";
}

static uint64_t count(const json_t *o, const char *key) {
	json_int_t v = json_integer_value(json_object_get(o, key));
	return v > 0 ? (uint64_t)v : 0;
}

static void add_count(struct tt_grid *g, const json_t *o, const char *key) {
	char buf[TT_SHOW_LEN];
	tt_grid_add(g, json_object_get(o, key) ? tt_show_count(count(o, key), buf) : "-");
}

static void print_uplinks(const json_t *list) {
	static const char *const keys[] = {"packets", "observed", "spilled", "malformed", "non_ip",
		"unassigned", "imissed", "ierrors", "rx_nombuf"};
	const unsigned n = sizeof(keys) / sizeof(*keys);
	struct tt_grid *g = tt_grid_create(n + 3);
	char buf[TT_SHOW_LEN];
	json_t *u;
	size_t i;
	if (!g)
		return;
	tt_grid_left(g, 0);
	tt_grid_left(g, 1);
	tt_grid_add(g, "uplink");
	tt_grid_add(g, "link");
	for (unsigned k = 0; k < n; k++)
		tt_grid_add(g, keys[k]);
	tt_grid_add(g, "loss");
	json_array_foreach(list, i, u) {
		tt_grid_add(g, text(u, "id"));
		tt_grid_add(g, text(u, "link"));
		for (unsigned k = 0; k < n; k++)
			add_count(g, u, keys[k]);
		tt_grid_add(g, tt_show_share(json_number_value(json_object_get(u, "loss")), buf));
	}
	putchar('\n');
	tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
}

// How packets spread, where an uplink has more than one queue.
static void print_queues(const json_t *uplinks) {
	static const char *const titles[] = {"queue", "lcore", "packets", "errors", "imissed"};
	struct tt_grid *g = tt_grid_create(5);
	char name[128];
	json_t *u, *q;
	size_t i, k, rows = 0;
	if (!g)
		return;
	tt_grid_left(g, 0);
	for (k = 0; k < 5; k++)
		tt_grid_add(g, titles[k]);
	json_array_foreach(uplinks, i, u) {
		const json_t *queues = json_object_get(u, "queues");
		if (json_array_size(queues) < 2)
			continue;
		json_array_foreach(queues, k, q) {
			snprintf(name, sizeof(name), "%.64s/%llu", text(u, "id"),
				(unsigned long long)count(q, "queue"));
			tt_grid_add(g, name);
			add_count(g, q, "lcore");
			add_count(g, q, "packets");
			add_count(g, q, "errors");
			if (json_is_null(json_object_get(q, "imissed")))
				tt_grid_add(g, "-");
			else
				add_count(g, q, "imissed");
			rows++;
		}
	}
	if (rows) {
		putchar('\n');
		tt_grid_print(g, stdout);
	}
	tt_grid_destroy(&g);
}

static void print_workers(const json_t *list) {
	static const char *const titles[] = {"worker", "busy", "asleep",
		"poll gap p50/p99/max (us)", "table used", "table size"};
	struct tt_grid *g = tt_grid_create(6);
	char buf[TT_SHOW_LEN], gap[3 * TT_SHOW_LEN], p50[TT_SHOW_LEN], p99[TT_SHOW_LEN];
	json_t *w;
	size_t i;
	if (!g)
		return;
	for (unsigned k = 0; k < 6; k++)
		tt_grid_add(g, titles[k]);
	json_array_foreach(list, i, w) {
		const json_t *us = json_object_get(w, "poll_gap_us");
		snprintf(buf, sizeof(buf), "lcore %llu", (unsigned long long)count(w, "lcore"));
		tt_grid_add(g, buf);
		tt_grid_add(g, tt_show_share(json_number_value(json_object_get(w, "busy")), buf));
		tt_grid_add(g, tt_show_share(json_number_value(json_object_get(w, "asleep")), buf));
		snprintf(gap, sizeof(gap), "%s/%s/%s", tt_show_count(count(us, "p50"), p50),
			tt_show_count(count(us, "p99"), p99), tt_show_count(count(us, "max"), buf));
		tt_grid_add(g, gap);
		add_count(g, w, "table_used");
		add_count(g, w, "table_size");
	}
	putchar('\n');
	tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
}

static void print_sensors(const json_t *list) {
	struct tt_grid *g = tt_grid_create(3);
	json_t *s;
	size_t i;
	if (!g)
		return;
	for (unsigned k = 0; k < 3; k++)
		tt_grid_left(g, k);
	tt_grid_add(g, "sensor");
	tt_grid_add(g, "state");
	tt_grid_add(g, "last packet");
	json_array_foreach(list, i, s) {
		tt_grid_add(g, text(s, "id"));
		tt_grid_add(g, text(s, "state"));
		tt_grid_add(g, text(s, "last_packet"));
	}
	putchar('\n');
	tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
}

static void print_rest(const json_t *m) {
	const json_t *h = json_object_get(m, "harvest"), *s = json_object_get(m, "spool"),
		     *l = json_object_get(m, "link");
	char a[TT_SHOW_LEN], b[TT_SHOW_LEN], c[TT_SHOW_LEN];
	putchar('\n');
	if (h)
		printf("harvest: %s overruns, %s late packets, %s lost\n",
			tt_show_count(count(h, "overruns"), a),
			tt_show_count(count(h, "late_packets"), b),
			tt_show_count(count(h, "lost"), c));
	if (s)
		printf("spool:   %s batches (%s), %s lost\n", tt_show_count(count(s, "batches"), a),
			tt_show_bytes(count(s, "bytes"), b), tt_show_count(count(s, "lost"), c));
	if (l)
		printf("link:    %s sent, %s acknowledged, %.1f s behind\n",
			tt_show_count(count(l, "sent"), a), tt_show_count(count(l, "acked"), b),
			json_number_value(json_object_get(l, "lag_s")));
}

// What a collector says of itself and of strangers, beside what it merged.
static void print_collector(const json_t *c) {
	char buf[TT_SHOW_LEN];
	const json_t *skew = json_object_get(c, "clock_skew_ms");
	const char *key, *sep = "refused: ";
	json_t *v;
	printf("collector: %.1f s behind, ", json_number_value(json_object_get(c, "lag_s")));
	if (json_is_integer(skew))
		printf("clock skew %lld ms", (long long)json_integer_value(skew));
	else
		printf("the probe is not connected");
	printf(", %s answers found no probe\n", tt_show_count(count(c, "unanswered"), buf));
	json_object_foreach(json_object_get(c, "refused"), key, v) {
		printf("%s%s %s", sep, key,
			tt_show_count(count(json_object_get(c, "refused"), key), buf));
		sep = ", ";
	}
	putchar('\n');
}

static int print_health(const char *json, size_t len) {
	json_error_t e;
	json_t *m = json_loadb(json, len, 0, &e);
	if (!json_is_object(m)) {
		json_decref(m);
		return complain(FAILED, "status: the message is no JSON object: %s", e.text);
	}
	printf("probe %s, boot %s, %s to %s\n", text(m, "probe"), text(m, "boot"), text(m, "start"),
		text(m, "end"));
	// what a collector says of its probes is less
	if (json_object_get(m, "config"))
		printf("configuration %.19s, clock skew %lld ms\n", text(m, "config"),
			(long long)json_integer_value(json_object_get(m, "clock_skew_ms")));
	print_uplinks(json_object_get(m, "uplinks"));
	print_queues(json_object_get(m, "uplinks"));
	if (json_array_size(json_object_get(m, "workers")))
		print_workers(json_object_get(m, "workers"));
	print_sensors(json_object_get(m, "sensors"));
	print_rest(m);
	if (json_object_get(m, "collector"))
		print_collector(json_object_get(m, "collector"));
	json_decref(m);
	return DONE;
}

static int wait_for_one(const struct args *a, struct tt_sub *s, int64_t timeout) {
	const char *topic, *json;
	size_t len;
	int64_t end = tt_mono_ns() + timeout * 1000000, left;
	struct progress *p = progress_start("teiten: waiting for the end of an epoch");
	int rc = 0;
	while (!rc && (left = end - tt_mono_ns()) > 0 && !sub_interrupted()) {
		rc = tt_sub_next(s, (int)(left / 1000000 + 1), &topic, &json, &len);
		if (rc == -EINTR)
			rc = 0;
	}
	progress_stop(&p);
	if (sub_interrupted())
		return complain(FAILED, "status: interrupted");
	if (rc < 0)
		return complain(FAILED, "status: %s", sub_error(rc));
	if (!rc)
		return complain(FAILED, "status: %s: no health message within %lld s",
			a->operands[0], (long long)(timeout / 1000));
	if (!arg(a, "json"))
		return print_health(json, len);
	printf("%.*s\n", (int)len, json);
	return DONE;
}

int run_status(const struct args *a) {
	struct tt_err err = {0};
	char topic[TT_ID_LEN + 16] = "health.";
	const char *topics[] = {topic}, *probe = arg(a, "probe");
	int64_t timeout;
	int status = DONE;
	if (timeout_read(a, 75000, &timeout, &err))
		return complain(USAGE, "status: %s", err.msg);
	if (probe && !tt_id_valid(probe))
		return complain(
			USAGE, "status: --probe: '%s', expected 1 to 32 of a-z, 0-9 and -", probe);
	if (probe)
		snprintf(topic, sizeof(topic), "health.%s.", probe);
	sub_signals();
	struct tt_sub *s = sub_open(a, a->operands[0], topics, 1, &status);
	if (!s)
		return status;
	status = wait_for_one(a, s, timeout);
	tt_sub_destroy(&s);
	return status;
}
