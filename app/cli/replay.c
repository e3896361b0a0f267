/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tt_catalog.h"
#include "tt_conf.h"
#include "tt_file.h"
#include "tt_log.h"
#include "tt_region.h"
#include "tt_report.h"
#include "tt_store.h"
#include "tt_time.h"
#include "tt_watch.h"

struct replay {
	const struct args *args;
	struct capture *captures;
	unsigned n, skipped;
	bool new_db; // there was none before
};

// ---- before anything is made: is all that is named there?

static int check_capture(const char *path) {
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return complain(USAGE, "%s: %s", path, strerror(errno));
	int rc = fstat(fd, &st);
	close(fd);
	if (rc)
		return complain(USAGE, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(USAGE, "%s: is %s, expected a regular file", path,
			S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
	return DONE;
}

static int check_conf(const char *path, const char *kind) {
	struct tt_err err = {0};
	json_t *root = NULL;
	if (path && tt_conf_load(path, kind, &root, &err))
		return complain(USAGE, "%s", err.msg);
	json_decref(root);
	return DONE;
}

static int check_sensors(const char *path) {
	struct tt_err err = {0};
	if (!path)
		return DONE;
	struct tt_catalog *c = tt_catalog_load(path, &err);
	if (!c)
		return complain(USAGE, "%s", err.msg);
	tt_catalog_destroy(&c);
	return DONE;
}

static int check_services(const char *path) {
	struct tt_err err = {0};
	if (!path)
		return DONE;
	struct tt_services *s = tt_services_load(path, &err);
	if (!s)
		return complain(USAGE, "%s", err.msg);
	tt_services_destroy(&s);
	return DONE;
}

// What the collector will read: it must not find out when the database is changed already.
static int check_resolvers(const struct args *a) {
	const char *rir = arg(a, "rir"), *asn = arg(a, "asn"), *scanners = arg(a, "scanners");
	struct tt_regions *regions = NULL;
	struct tt_scanners *lists = NULL;
	struct tt_asn *networks = NULL;
	struct tt_err err = {0};
	int status = DONE;
	if (rir && !(regions = tt_regions_load(rir, tt_now_ns() / TT_NS, NULL, NULL, NULL, &err)))
		status = complain(USAGE, "%s", err.msg);
	if (asn && !(networks = tt_asn_load(asn, &err)))
		status = complain(USAGE, "%s", err.msg);
	if (scanners && !(lists = tt_scanners_load(scanners, &err)))
		status = complain(USAGE, "%s", err.msg);
	tt_regions_destroy(&regions);
	tt_asn_destroy(&networks);
	tt_scanners_destroy(&lists);
	return status;
}

static int check_inputs(const struct replay *r) {
	const struct args *a = r->args;
	int status = DONE;
	for (unsigned i = 0; i < r->n; i++)
		status |= check_capture(r->captures[i].path);
	status |= check_resolvers(a);
	status |= check_conf(arg(a, "config"), "probe");
	status |= check_sensors(arg(a, "sensors"));
	status |= check_conf(arg(a, "watches"), "watches");
	status |= check_services(arg(a, "services"));
	const char *zone = arg(a, "timezone");
	if (zone && !tt_tz_exists(zone))
		status = complain(USAGE,
			"--timezone: '%s', expected the name of a time zone, as "
			"Asia/Tokyo",
			zone);
	return status;
}

// ---- what there is to read

static int hash_captures(struct replay *r) {
	struct tt_err err = {0};
	struct stat st;
	int rc = 0;
	struct progress *p = progress_start("teiten: hashing %u captures", r->n);
	for (unsigned i = 0; i < r->n && !rc; i++) {
		struct capture *c = &r->captures[i];
		rc = tt_file_sha256(c->path, c->sha256, &err);
		if (!rc && stat(c->path, &st))
			rc = tt_err_set(&err, -errno, "%s: %s", c->path, strerror(errno));
		if (!rc)
			c->size = (uint64_t)st.st_size;
	}
	progress_stop(&p);
	return rc ? complain(FAILED, "%s", err.msg) : DONE;
}

static void skip(struct replay *r, struct capture *c) {
	c->skipped = true;
	r->skipped++;
}

static const struct capture *same_before(const struct replay *r, unsigned i) {
	for (unsigned j = 0; j < i; j++)
		if (!strcmp(r->captures[j].sha256, r->captures[i].sha256))
			return &r->captures[j];
	return NULL;
}

// A collector that lost its replay a moment ago may still be closing the database.
static int open_for_writing(const struct replay *r, struct tt_store **s, struct tt_err *err) {
	const struct timespec pause = {.tv_nsec = 100000000};
	struct tt_store_conf conf = {.path = arg(r->args, "db"),
		.mode = TT_STORE_WRITE,
		.timezone = arg(r->args, "timezone"),
		.replay = true};
	int rc = tt_store_open(&conf, s, err);
	for (int i = 0; rc == -EBUSY && i < 50; i++) {
		nanosleep(&pause, NULL);
		rc = tt_store_open(&conf, s, err);
	}
	return rc;
}

// Names of services stay with the database.
static int keep_services(const struct replay *r, struct tt_store *s, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(TT_CONF_MAX);
	const char *path = arg(r->args, "services");
	if (!path)
		return 0;
	int rc = tt_file_read(path, &b, err);
	if (!rc)
		rc = tt_store_document_put(s, "services", (char *)b.data, err);
	tt_buf_free(&b);
	return rc;
}

// They count what this run reads.
static int keep_watches(const struct replay *r, struct tt_store *s, struct tt_err *err) {
	const char *path = arg(r->args, "watches");
	json_t *root = NULL;
	int rc = path ? tt_conf_load(path, "watches", &root, err) : 0;
	if (!rc && root)
		rc = tt_store_watches_set(s, root, err);
	json_decref(root);
	return rc;
}

static int begin_captures(struct replay *r) {
	struct tt_store *s = NULL;
	struct tt_err err = {0};
	bool again = arg(r->args, "again") != NULL;
	int rc = open_for_writing(r, &s, &err);
	if (rc)
		return complain(open_status(rc), "%s", err.msg);
	rc = keep_services(r, s, &err);
	if (!rc)
		rc = keep_watches(r, s, &err);
	for (unsigned i = 0; i < r->n && rc >= 0; i++) {
		struct capture *c = &r->captures[i];
		const struct capture *same = same_before(r, i);
		if (same) {
			tt_log(TT_INFO, "%s: same content as %s, skipped", c->path, same->path);
			skip(r, c);
			continue;
		}
		rc = tt_store_file_begin(s, c->sha256, c->path, c->size, again, c->boot, &err);
		if (rc == 0) {
			tt_log(TT_INFO, "%s: already in %s, skipped (--again reads it again)",
				c->path, arg(r->args, "db"));
			skip(r, c);
		}
	}
	int closed = tt_store_close(&s, rc < 0 ? NULL : &err);
	if (rc < 0 || closed < 0)
		return complain(FAILED, "%s", err.msg);
	return DONE;
}

// ---- the end

static void print_last(const struct replay *r, json_t *probe, double seconds) {
	static const char *const keys[] = {"packets", "bytes", "observed", "spilled", "malformed",
		"non_ip", "unassigned", "late", "observations"};
	printf("{\"files\":%lld,\"skipped\":%u",
		(long long)json_integer_value(json_object_get(probe, "files")), r->skipped);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		printf(",\"%s\":%lld", keys[i],
			(long long)json_integer_value(json_object_get(probe, keys[i])));
	printf(",\"seconds\":%.6f}\n", seconds > 0 ? seconds : 0);
}

static double seconds_between(json_t *probe, json_t *collector) {
	json_int_t from = json_integer_value(json_object_get(probe, "first_read_mono_ns"));
	json_int_t to = json_integer_value(json_object_get(collector, "last_commit_mono_ns"));
	return from && to > from ? (double)(to - from) / 1e9 : 0;
}

// Why a program ended before its time, in words.
static int explain(const char *name, int status) {
	const char *redo = "run the same command again: what was not finished is redone";
	if (WIFSIGNALED(status))
		return complain(FAILED, "replay: %s was ended by signal %d (%s); %s", name,
			WTERMSIG(status), strsignal(WTERMSIG(status)), redo);
	if (WEXITSTATUS(status) == USAGE || WEXITSTATUS(status) == FAILED)
		return WEXITSTATUS(status); // it said why
	return complain(
		FAILED, "replay: %s ended with status %d; %s", name, WEXITSTATUS(status), redo);
}

static int judge(const struct replay *r, const struct replay_result *res) {
	if (res->signal)
		return complain(FAILED,
			"replay: interrupted; run the same command again: what was not finished is "
			"redone");
	if (res->died)
		return explain(res->died, strcmp(res->died, "teiten-probe") ? res->collector_status
									    : res->probe_status);
	if (res->collector_status)
		return explain("teiten-collector", res->collector_status);
	json_t *probe = res->probe ? json_loads(res->probe, 0, NULL) : NULL;
	json_t *collector = res->collector ? json_loads(res->collector, 0, NULL) : NULL;
	int status = WEXITSTATUS(res->probe_status);
	if (json_is_object(probe) && json_is_object(collector))
		print_last(r, probe, seconds_between(probe, collector));
	else
		status = complain(FAILED, "replay: %s did not say how it ended",
			json_is_object(probe) ? "teiten-collector" : "teiten-probe");
	json_decref(probe);
	json_decref(collector);
	return status;
}

// A database that this run made and that nothing came into is not left behind.
static void drop_new_db(const struct replay *r) {
	static const char *const ends[] = {"", "-wal", "-shm", "-journal", "-writer"};
	char path[PATH_MAX];
	if (!r->new_db)
		return;
	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (snprintf(path, sizeof(path), "%s%s", arg(r->args, "db"), ends[i]) <
			(int)sizeof(path))
			unlink(path);
}

static int run_programs(struct replay *r) {
	struct replay_dir dir;
	struct replay_result res;
	struct tt_err err = {0};
	if (replay_dir_create(&dir, &err))
		return complain(FAILED, "replay: %s", err.msg);
	int rc = replay_run(r->args, r->captures, r->n, dir.path, &res, &err);
	replay_dir_remove(&dir);
	int status = rc ? complain(FAILED, "replay: %s", err.msg) : judge(r, &res);
	replay_result_free(&res);
	return status;
}

static int replay(struct replay *r) {
	int status = check_inputs(r);
	if (status)
		return status;
	r->new_db = access(arg(r->args, "db"), F_OK) != 0;
	status = hash_captures(r);
	if (status)
		return status;
	status = begin_captures(r);
	if (status)
		return status;
	if (r->skipped == r->n) {
		print_last(r, NULL, 0);
		return DONE;
	}
	status = run_programs(r);
	if (status == USAGE)
		drop_new_db(r);
	return status;
}

int run_replay(const struct args *a) {
	struct replay r = {.args = a, .n = a->operand_n};
	r.captures = calloc(r.n, sizeof(*r.captures));
	if (!r.captures)
		return complain(FAILED, "replay: %s", strerror(ENOMEM));
	for (unsigned i = 0; i < r.n; i++)
		r.captures[i].path = a->operands[i];
	int status = replay(&r);
	free(r.captures);
	return status;
}
