/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "resolvers.h"
#include "tt_file.h"
#include "tt_log.h"

struct reloader {
	const struct options *o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool wake, end;		 // under the lock
	struct resolvers *ready; // under the lock: loaded and not taken
	struct resolvers *gone;	 // under the lock: let go of by the taker
	struct resolvers *given; // under the lock: what is in force
};

// Waits for a second, or until woken. Whether to read at once.
static bool wait_a_second(struct reloader *r, bool *end, struct resolvers **gone) {
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until); // the clock may be set while this waits
	until.tv_sec++;
	pthread_mutex_lock(&r->lock);
	while (!r->wake && !r->end &&
		pthread_cond_timedwait(&r->changed, &r->lock, &until) != ETIMEDOUT)
		;
	bool now = r->wake;
	r->wake = false;
	*end = r->end;
	*gone = r->gone;
	r->gone = NULL;
	pthread_mutex_unlock(&r->lock);
	return now;
}

static void load(struct reloader *r) {
	struct tt_err err = {""};
	pthread_mutex_lock(&r->lock);
	// only this thread frees what was given out, so it stays while it is shared from
	struct resolvers *stale = r->ready, *old = r->given;
	r->ready = NULL;
	pthread_mutex_unlock(&r->lock);
	struct resolvers *fresh = resolvers_load(r->o, old, &err);
	if (!fresh) {
		tt_log(TT_ERR, "%s; the set in force stays", err.msg);
		fresh = stale;
		stale = NULL;
	}
	pthread_mutex_lock(&r->lock);
	r->ready = fresh;
	pthread_mutex_unlock(&r->lock);
	resolvers_destroy(&stale);
}

static void *run(void *arg) {
	struct reloader *r = arg;
	uint64_t first = resolvers_signature(r->o);
	struct tt_file_watch watch = {first, first};
	for (;;) {
		struct resolvers *gone;
		bool end, now = wait_a_second(r, &end, &gone);
		resolvers_destroy(&gone);
		if (end)
			return NULL;
		uint64_t is = resolvers_signature(r->o);
		if (now)
			watch = (struct tt_file_watch){is, is};
		else if (!tt_file_watch_changed(&watch, is))
			continue;
		load(r);
	}
}

struct reloader *reloader_create(const struct options *o, struct resolvers *first) {
	struct reloader *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->o = o;
	r->given = first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	int rc = pthread_create(&r->thread, NULL, run, r);
	if (rc) {
		free(r);
		errno = rc;
		return NULL;
	}
	return r;
}

void reloader_wake(struct reloader *r) {
	pthread_mutex_lock(&r->lock);
	r->wake = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

struct resolvers *reloader_take(struct reloader *r) {
	pthread_mutex_lock(&r->lock);
	// while one that was let go of is not freed yet: the next time
	struct resolvers *fresh = r->gone ? NULL : r->ready;
	if (fresh)
		r->ready = NULL;
	pthread_mutex_unlock(&r->lock);
	return fresh;
}

void reloader_release(struct reloader *r, struct resolvers *used) {
	pthread_mutex_lock(&r->lock);
	r->gone = r->given;
	r->given = used;
	pthread_mutex_unlock(&r->lock);
}

void reloader_destroy(struct reloader **rp) {
	struct reloader *r = *rp;
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->end = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	resolvers_destroy(&r->ready);
	resolvers_destroy(&r->gone);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
	*rp = NULL;
}
