/* SPDX-License-Identifier: BSD-3-Clause */
// One thread: batches from the link into the store, many to a transaction, acknowledged when the
// transaction is on disk. Signals come through a descriptor beside the socket.
#include "collector.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#include "listed.h"
#include "merge.h"
#include "resolvers.h"
#include "tt_crash.h"
#include "tt_link.h"
#include "tt_log.h"
#include "tt_privilege.h"
#include "tt_store.h"
#include "tt_watch.h"
#include "tt_wire.h"
#include "watching.h"

enum {
	RECEIVE_MAX = 64,      // batches between looks at the clock
	COMMIT_NS = 200000000, // a transaction is no older when it is committed
	EXPIRE_S = 60,
	SETTLE_S = 10,	 // between looks for hours that are over
	SETTLE_MS = 100, // at a time; probes wait meanwhile
	LATE_S = 300,	 // how long the last batches of an hour are waited for
	WINDOW = 64,
	FUTURE_S = 600,	     // epochs that begin later than so far from now are not taken yet
	PUBLISH_HWM = 10000, // messages that a slow subscriber may be behind
	LAST_WAIT_MS = 100,  // after SIGTERM: how long a silent link is waited for
	LAST_S = 10,	     // and how long at most
};

struct collector {
	struct options *o;
	struct tt_store *store;
	struct resolvers *resolvers; // in force
	struct reloader *reloader;   // NULL: a replay keeps what it began with
	void *zmq, *zmq_pub;	     // apart: readers cannot use up what probes need
	struct tt_link_server *server;
	struct tt_pub *pub;  // NULL: nothing is published
	struct merge *merge; // what is published
	struct listed listed;
	int signals;
	bool open;     // a transaction is open
	bool dirty;    // committed batches are not in the rollups yet
	int64_t began; // of the transaction, monotonic
	int64_t next_checkpoint, next_expire, next_settle;
	uint64_t batches, observations, pending_batches, pending_observations;
	int64_t last_commit;
	bool unwritten;	    // the last checkpoint failed: the next one has its time
	bool refusing;	    // since the last commit the store did not take a batch
	bool full;	    // the disk; a replay ends then, a running collector waits for room
	int64_t complained; // one line a minute about a store that does not take batches
};

static void use_resolvers(struct collector *c, struct resolvers *r) {
	c->resolvers = r;
	tt_store_resolvers(c->store, r->regions, r->asn, r->scanners);
	struct tt_err err = {""};
	char text[48];
	snprintf(text, sizeof(text), "{\"ports_per_day\":%u}",
		tt_scanners_ports_per_day(r->scanners));
	if (tt_store_document_put(c->store, "surveyors", text, &err) < 0)
		tt_log(TT_WARN, "%s", err.msg);
}

static void complain(struct collector *c, const char *what) {
	int64_t now = tt_mono_ns();
	if (c->complained && now - c->complained < 60 * TT_NS)
		return;
	c->complained = now;
	tt_log(TT_ERR, "%s", what);
}

static void rollback(struct collector *c, const char *why) {
	tt_store_rollback(c->store);
	tt_link_server_rollback(c->server, why);
	if (c->merge)
		merge_rollback(c->merge);
	c->open = false;
	c->pending_batches = c->pending_observations = 0;
}

/// The store cannot take what came: nothing of the transaction is acknowledged, so that probes keep
/// it and send it again.
static void refuse(struct collector *c, int rc, const char *what) {
	complain(c, what);
	rollback(c, what);
	c->full = rc == -ENOSPC;
	c->refusing = true;
}

/// Ends the transaction, then acknowledges what was in it.
static int commit(struct collector *c) {
	if (!c->open)
		return 0;
	struct tt_err err = {""};
	int rc = tt_store_commit(c->store, &err);
	if (rc < 0) {
		refuse(c, rc, err.msg);
		return rc;
	}
	c->open = false;
	c->dirty |= c->pending_batches > 0;
	c->batches += c->pending_batches;
	c->observations += c->pending_observations;
	c->pending_batches = c->pending_observations = 0;
	c->last_commit = tt_mono_ns();
	if (c->refusing)
		tt_log(TT_INFO, "%s: takes batches again", c->o->db);
	c->refusing = false;
	TT_CRASH_POINT("collector.ack.before");
	tt_link_server_commit(c->server);
	TT_CRASH_POINT("collector.ack.after");
	if (c->merge)
		merge_commit(c->merge, c->resolvers->regions);
	return 0;
}

/// Called for each batch; what it returns decides what the probe is told.
static int take(void *arg, const char *probe, const char *boot, uint64_t seq, const void *msg,
	size_t len, struct tt_err *err) {
	struct collector *c = arg;
	(void)probe, (void)boot, (void)seq;
	struct tt_batch_head head;
	int rc = tt_batch_peek(msg, len, &head, err);
	if (rc < 0)
		return rc;
	// a probe's clock ran ahead: nothing is stored under a time that was not yet
	int64_t ahead = head.epoch_max - tt_now_ns() / TT_NS;
	if (!c->o->replay && ahead > FUTURE_S)
		return tt_err_set(err, -EAGAIN,
			"a batch of %" PRId64 " s from now: expected a probe's clock that is right",
			ahead);
	if (!c->open) {
		if ((rc = tt_store_begin(c->store, err)) < 0) {
			refuse(c, rc, err->msg);
			return rc;
		}
		c->open = true;
		c->began = tt_mono_ns();
	}
	rc = tt_store_put(c->store, msg, len, err);
	if (rc == -ESTALE) // another replay has begun this capture anew
		return -EPERM;
	// a failure of the disk may have undone the whole transaction: nothing of it is
	// acknowledged
	if (rc < 0 && rc != -EBADMSG && rc != -EPROTONOSUPPORT) {
		refuse(c, rc, err->msg);
	}
	if (rc > 0) {
		c->pending_batches++;
		c->pending_observations += head.obs_n;
		if (c->merge)
			merge_stage(c->merge, msg, len);
	}
	return rc;
}

static void checkpoint(struct collector *c) {
	struct tt_err err = {""};
	if (commit(c) < 0 || !c->dirty)
		return;
	c->unwritten = tt_store_checkpoint(c->store, &err) < 0;
	if (c->unwritten) {
		complain(c, err.msg);
		return;
	}
	c->dirty = false;
	if (c->batches)
		c->last_commit = tt_mono_ns();
}

// Ages are counted from the newest data: a clock that runs ahead must not take raw batches.
static void expire(struct collector *c) {
	struct tt_store_info info;
	struct tt_err err = {""};
	int64_t now = tt_now_ns() / TT_NS;
	if (commit(c) < 0)
		return;
	int rc = tt_store_info(c->store, &info, &err);
	if (!rc) {
		int64_t newest = now < info.data_to ? now : info.data_to;
		rc = tt_store_expire(
			c->store, newest - (int64_t)c->o->raw_days * 86400, c->o->disk_limit, &err);
	}
	if (rc < 0)
		complain(c, err.msg);
}

// Another thread has read new files: what follows is judged by them.
static void exchange_resolvers(struct collector *c) {
	struct resolvers *fresh = c->reloader ? reloader_take(c->reloader) : NULL;
	if (!fresh)
		return;
	commit(c); // its streams are of the old ones
	use_resolvers(c, fresh);
	reloader_release(c->reloader, fresh);
	tt_log(TT_INFO, "files of regions, AS and scanners were read again");
}

/// Hours that are over into the tables, a bit at a time.
static void settle(struct collector *c) {
	struct tt_err err = {""};
	int more = commit(c);
	if (more == 0)
		more = tt_store_settle(c->store, tt_now_ns() / TT_NS - LATE_S, SETTLE_MS, &err);
	if (more < 0)
		complain(c, err.msg);
	c->next_settle = more > 0 ? 0 : tt_mono_ns() + SETTLE_S * TT_NS;
}

static void periodic(struct collector *c) {
	int64_t now = tt_mono_ns();
	exchange_resolvers(c);
	if (!c->o->replay)
		listed_look(&c->listed);
	if (now >= c->next_checkpoint || (!c->unwritten && tt_store_due(c->store))) {
		checkpoint(c);
		c->next_checkpoint = tt_mono_ns() + c->o->checkpoint_s * TT_NS;
	}
	if (!c->o->replay && now >= c->next_expire) {
		expire(c);
		c->next_expire = tt_mono_ns() + EXPIRE_S * TT_NS;
	}
	if (!c->o->replay && now >= c->next_settle)
		settle(c);
}

/// Returns true when it is time to end.
static bool on_signal(struct collector *c) {
	struct signalfd_siginfo si;
	bool end = false;
	while (read(c->signals, &si, sizeof(si)) == sizeof(si)) {
		struct tt_err err = {""};
		if (si.ssi_signo != SIGHUP) {
			end = true;
			continue;
		}
		listed_reload(&c->listed);
		if (c->reloader)
			reloader_wake(c->reloader);
		if (commit(c) == 0 && watches_put(c->o, c->store, &err) < 0)
			tt_log(TT_ERR, "%s; the watches in force stay", err.msg);
	}
	return end;
}

/// Takes what is in the socket; commits when it is empty or the transaction is old.
static void receive(struct collector *c) {
	while (tt_link_server_receive(c->server, RECEIVE_MAX, take, c) > 0)
		if (c->open && tt_mono_ns() - c->began > COMMIT_NS)
			break;
	commit(c);
}

static void loop(struct collector *c) {
	zmq_pollitem_t items[] = {{tt_link_server_socket(c->server), 0, ZMQ_POLLIN, 0},
		{NULL, c->signals, ZMQ_POLLIN, 0}};
	bool end = false;
	while (!end) {
		int64_t next = c->next_checkpoint;
		if (!c->o->replay && c->next_settle < next) // a replay settles nothing by the clock
			next = c->next_settle;
		int64_t wait = (next - tt_mono_ns()) / 1000000 + 1;
		zmq_poll(items, 2, wait < 0 ? 0 : wait > 1000 ? 1000 : (long)wait);
		if (items[0].revents)
			receive(c);
		if (items[1].revents)
			end = on_signal(c);
		if (c->pub)
			tt_pub_serve(c->pub);
		periodic(c);
		if (c->full && c->o->replay)
			return;
	}
	int64_t limit =
		tt_mono_ns() + LAST_S * TT_NS; // a probe that goes on sending does not keep us
	// that of a replay has ended, and has everything acknowledged
	long wait = c->o->replay ? 0 : LAST_WAIT_MS;
	while (zmq_poll(items, 1, wait) > 0 && tt_mono_ns() < limit)
		receive(c);
}

static int open_signals(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) // before libzmq starts its threads
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int start_streams(struct collector *c, struct tt_err *err) {
	c->zmq_pub = zmq_ctx_new();
	if (!c->zmq_pub)
		return tt_err_set(err, -errno, "ZeroMQ: %s", zmq_strerror(errno));
	const struct tt_pub_conf conf = {.endpoint = c->o->publish,
		.hwm = PUBLISH_HWM,
		.keys = c->o->keys,
		.allowed = c->o->reader_keys,
		.allowed_n = c->o->reader_key_n};
	c->pub = tt_pub_create(c->zmq_pub, &conf, err);
	if (!c->pub)
		return -errno;
	c->merge = merge_create(c->pub, c->server);
	return c->merge ? 0 : tt_err_set(err, -ENOMEM, "out of memory");
}

static int open_store(struct collector *c, const json_t *watches, struct tt_err *err) {
	struct tt_store_conf conf = {.path = c->o->db,
		.mode = TT_STORE_WRITE,
		.timezone = c->o->timezone,
		.replay = c->o->replay};
	int rc = tt_store_open(&conf, &c->store, err);
	if (rc < 0)
		return tt_store_open_input(rc);
	if (c->o->rollup_rows)
		tt_store_budget(c->store, c->o->rollup_rows, c->o->rollup_sketch_bytes);
	use_resolvers(c, c->resolvers);
	return watches ? tt_store_watches_set(c->store, watches, err) : 0;
}

/// What is read comes first: no database is made for files that are wrong.
static int read_inputs(struct collector *c, struct tt_err *err) {
	json_t *watches = NULL;
	c->resolvers = resolvers_load(c->o, NULL, err);
	int rc = c->resolvers ? watches_read(c->o, &watches, err) : -errno;
	if (rc < 0)
		return tt_err_input(rc);
	rc = open_store(c, watches, err);
	json_decref(watches);
	return rc;
}

/// Stages of the start, in order; stop() undoes them in reverse.
static int start(struct collector *c, struct tt_err *err) {
	c->signals = open_signals();
	if (c->signals < 0)
		return tt_err_set(err, -errno, "signals: %s", strerror(errno));
	int rc = tt_privilege_drop(c->o->user, c->o->group, err);
	if (rc < 0)
		return rc;
	rc = read_inputs(c, err);
	if (rc < 0)
		return rc;
	c->reloader = c->o->replay ? NULL : reloader_create(c->o, c->resolvers);
	if (!c->reloader && !c->o->replay)
		return tt_err_set(err, -errno, "reloader: %s", strerror(errno));
	c->zmq = zmq_ctx_new();
	if (!c->zmq)
		return tt_err_set(err, -errno, "ZeroMQ: %s", zmq_strerror(errno));
	struct tt_link_server_conf link = {.endpoint = c->o->listen,
		.keys = c->o->keys,
		.window = WINDOW,
		.allowed = c->o->probe_keys,
		.allowed_n = c->o->probe_key_n};
	c->server = tt_link_server_create(c->zmq, &link, err);
	if (!c->server)
		return -errno;
	return c->o->publish ? start_streams(c, err) : 0;
}

static int stop(struct collector *c, struct tt_err *err) {
	merge_destroy(&c->merge);
	tt_pub_destroy(&c->pub);
	if (c->zmq_pub)
		zmq_ctx_term(c->zmq_pub);
	tt_link_server_destroy(&c->server);
	if (c->zmq)
		zmq_ctx_term(c->zmq);
	int rc = c->store ? tt_store_close(&c->store, err) : 0;
	reloader_destroy(&c->reloader);
	resolvers_destroy(&c->resolvers);
	if (c->signals >= 0)
		close(c->signals);
	return rc;
}

int collector_run(struct options *o) {
	// dirty: an earlier run may have ended before its rollups were written
	struct collector c = {.o = o, .signals = -1, .dirty = true};
	struct tt_err err = {""};
	listed_init(&c.listed, o);
	int rc = start(&c, &err);
	if (rc < 0) {
		tt_log(TT_ERR, "%s", err.msg);
		stop(&c, NULL);
		return rc == -EINVAL || rc == -EPROTONOSUPPORT ? 2 : 1;
	}
	c.next_checkpoint = tt_mono_ns() + o->checkpoint_s * TT_NS;
	c.listed.server = c.server;
	c.listed.pub = c.pub;
	loop(&c);
	checkpoint(&c);
	bool undone = c.open || c.dirty;
	rc = stop(&c, &err);
	if (rc < 0)
		tt_log(TT_ERR, "%s", err.msg);
	printf("{\"batches\":%" PRIu64 ",\"observations\":%" PRIu64
	       ",\"last_commit_mono_ns\":%" PRId64 "}\n",
		c.batches, c.observations, c.last_commit);
	return rc < 0 || undone ? 1 : 0;
}
