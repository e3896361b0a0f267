/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <rte_launch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "probe.h"
#include "progress.h"
#include "tt_log.h"
#include "tt_time.h"

// How long an interrupted run waits for the captures that were complete.
#define INTERRUPTED_MS 2000

void jobs_init(struct jobs *j) {
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->cond, NULL);
	reader_init(&j->reader);
}

bool job_wait(struct jobs *j, uint64_t *seen) {
	pthread_mutex_lock(&j->lock);
	while (j->number == *seen && !j->quit)
		pthread_cond_wait(&j->cond, &j->lock);
	*seen = j->number;
	bool more = !j->quit;
	pthread_mutex_unlock(&j->lock);
	return more;
}

static void jobs_next(struct probe *p, bool quit) {
	for (unsigned i = 0; i < p->worker_n; i++)
		atomic_store(&p->workers[i].done, false);
	pthread_mutex_lock(&p->jobs.lock);
	p->jobs.number++;
	p->jobs.quit = quit;
	pthread_cond_broadcast(&p->jobs.cond);
	pthread_mutex_unlock(&p->jobs.lock);
}

static void add_tally(struct replay *r, const struct tt_tally *t) {
	for (unsigned f = 0; f < TT_FATE_N; f++) {
		r->now.fate[f] += t->packets[f];
		r->now.packets += t->packets[f];
		r->now.bytes += t->bytes[f];
	}
	r->now.late += t->late;
}

static void on_obs(void *arg, const struct tt_obs *o) {
	struct replay *r = arg;
	sender_obs(&r->probe->sender, o);
}

static void on_tally(void *arg, const struct tt_tally *t) {
	struct replay *r = arg;
	struct tt_tally up = *t;
	up.link_up = 1;
	add_tally(r, t);
	sender_tally(&r->probe->sender, &up);
}

static void fail(struct replay *r, const char *file, const char *error) {
	tt_log(TT_ERR, "%s", error);
	json_array_append_new(r->failed, json_pack("{s:s, s:s}", "file", file, "error", error));
}

// Empties what the workers switch away until all of them are through with the capture.
static void harvest(struct replay *r) {
	struct probe *p = r->probe;
	const struct tt_flow_sink sink = {on_obs, on_tally, r}, drop = {NULL, NULL, NULL};
	for (;;) {
		bool through = true, some = false;
		for (unsigned i = 0; i < p->worker_n; i++) {
			struct worker *w = &p->workers[i];
			// before the harvest: nothing is switched away after it is set
			through &= atomic_load_explicit(&w->done, memory_order_acquire);
			bool lost = atomic_load(&p->abort) || p->sender.rc;
			some |= tt_flow_harvest(w->flow, lost ? &drop : &sink) > 0;
		}
		if (p->sender.rc)
			atomic_store(&p->abort, true);
		if (through && !some)
			return;
		if (!some)
			usleep(100);
	}
}

// What became of a capture: 0 when its every packet is counted.
static int verdict(struct replay *r, const struct worker_job *all, struct tt_err *err) {
	struct probe *p = r->probe;
	if (p->sender.rc) {
		*err = p->sender.err;
		return p->sender.rc;
	}
	if (atomic_load(&p->abort))
		return tt_err_set(err, -EINTR, "interrupted");
	if (p->jobs.reader.rc) {
		*err = p->jobs.reader.err; // names the file
		return p->jobs.reader.rc;
	}
	if (r->now.packets != all->packets || r->now.bytes != all->bytes)
		return tt_err_set(err, -EIO, "counted %lu packets of %lu",
			(unsigned long)r->now.packets, (unsigned long)all->packets);
	return 0;
}

static struct worker_job sum_jobs(const struct probe *p) {
	struct worker_job all = {0};
	for (unsigned i = 0; i < p->worker_n; i++) {
		const struct worker_job *j = &p->workers[i].job;
		if (j->packets == 0)
			continue;
		if (all.packets == 0 || j->first_ns < all.first_ns)
			all.first_ns = j->first_ns;
		if (all.packets == 0 || j->last_ns > all.last_ns)
			all.last_ns = j->last_ns;
		all.packets += j->packets;
		all.bytes += j->bytes;
	}
	return all;
}

static int end_file(struct replay *r, struct tt_err *err) {
	struct probe *p = r->probe;
	struct worker_job all = sum_jobs(p);
	int rc = verdict(r, &all, err);
	if (rc)
		return rc;
	char meta[256];
	snprintf(meta, sizeof(meta),
		"{\"type\":\"file_end\",\"first_ns\":%lld,\"last_ns\":%lld,\"packets\":%llu,"
		"\"bytes\":%llu}",
		(long long)all.first_ns, (long long)all.last_ns, (unsigned long long)all.packets,
		(unsigned long long)all.bytes);
	rc = sender_document(&p->sender, meta);
	if (rc)
		*err = p->sender.err;
	return rc;
}

static void add_total(struct total *sum, const struct total *t) {
	sum->files++;
	sum->packets += t->packets;
	sum->bytes += t->bytes;
	sum->late += t->late;
	sum->observations += t->observations;
	for (unsigned f = 0; f < TT_FATE_N; f++)
		sum->fate[f] += t->fate[f];
}

static void close_file(struct replay *r) {
	struct reader *reader = &r->probe->jobs.reader;
	atomic_fetch_add(&r->packets_before, atomic_exchange(&reader->packets, 0));
	atomic_fetch_add(&r->bytes_before, tt_capture_size(reader->capture));
	atomic_store(&reader->pos, 0);
	reader_close(reader);
}

// One capture. What is wrong with the file is told and passed over; what is wrong with the link
// ends the run.
static int run_file(struct replay *r, const struct job *job) {
	struct probe *p = r->probe;
	struct tt_err err = {""};
	if (reader_open(&p->jobs.reader, job->file, &err)) {
		fail(r, job->file, err.msg);
		return 0;
	}
	memset(&r->now, 0, sizeof(r->now));
	int rc = sender_begin(
		&p->sender, job->boot, p->link, atomic_load(&p->rules.current)->catalog);
	if (rc == 0) {
		if (r->first_read_ns == 0)
			r->first_read_ns = tt_mono_ns();
		jobs_next(p, false);
		harvest(r);
		rc = end_file(r, &err);
	} else {
		err = p->sender.err;
	}
	if (rc) {
		if (!strstr(err.msg, job->file))
			tt_err_prefix(&err, rc, "%s", job->file);
		fail(r, job->file, err.msg);
	} else {
		r->now.observations = p->sender.observations;
		add_total(&r->sum, &r->now);
	}
	close_file(r);
	return p->sender.rc;
}

// A run counts when the collector has all of it.
static void settle(struct replay *r) {
	struct tt_err err = {""};
	struct tt_link_client_stats s;
	int rc = tt_link_client_flush(
		r->probe->link, atomic_load(&r->probe->abort) ? INTERRUPTED_MS : -1, &err);
	tt_link_client_stats(r->probe->link, &s);
	if (rc == 0 && s.lost_batches)
		rc = tt_err_set(&err, -EIO, "the collector refused %lu batches",
			(unsigned long)s.lost_batches);
	if (rc && r->sum.files) {
		fail(r, r->probe->options.jobs[0].file, err.msg);
		memset(&r->sum, 0, sizeof(r->sum));
	}
}

static void *harvester(void *arg) {
	struct replay *r = arg;
	struct probe *p = r->probe;
	int rc = 0;
	for (unsigned i = 0; i < p->options.job_n && rc == 0 && !atomic_load(&p->abort); i++)
		rc = run_file(r, &p->options.jobs[i]);
	settle(r);
	jobs_next(p, true);
	rte_eal_mp_wait_lcore();
	(void)!write(r->finished, &(uint64_t){1}, sizeof(uint64_t));
	return NULL;
}

static void print_result(const struct replay *r) {
	const struct total *t = &r->sum;
	json_t *o = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"files", t->files},
		{"packets", t->packets},
		{"bytes", t->bytes},
		{"observed", t->fate[TT_FATE_OBSERVED]},
		{"spilled", t->fate[TT_FATE_SPILLED]},
		{"malformed", t->fate[TT_FATE_MALFORMED]},
		{"non_ip", t->fate[TT_FATE_NON_IP]},
		{"unassigned", t->fate[TT_FATE_UNASSIGNED]},
		{"late", t->late},
		{"observations", t->observations},
		{"first_read_mono_ns", (uint64_t)r->first_read_ns},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
	json_object_set(o, "failed", r->failed);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fclose(stdout); // who waits for this need not wait for all memory to be given back
	json_decref(o);
}

int replay_run(struct probe *p) {
	struct replay r = {.probe = p, .failed = json_array(), .finished = eventfd(0, EFD_CLOEXEC)};
	pthread_t thread;
	if (r.finished < 0 || pthread_create(&thread, NULL, harvester, &r)) {
		tt_log(TT_ERR, "replay: no thread: %s", strerror(errno));
		return 1;
	}
	bool ended = replay_wait(&r);
	if (!ended) {
		// the link may be stuck in a send; the collector drops what was not ended
		print_result(&r);
		_exit(1);
	}
	pthread_join(thread, NULL);
	close(r.finished);
	print_result(&r);
	int status = json_array_size(r.failed) || atomic_load(&p->abort) ? 1 : 0;
	json_decref(r.failed);
	return status;
}
