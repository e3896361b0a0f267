/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"

#include <errno.h>

void reader_init(struct reader *r) {
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&r->lock, &a);
	pthread_mutexattr_destroy(&a);
	r->capture = NULL;
	r->ended = true;
}

int reader_open(struct reader *r, const char *path, struct tt_err *err) {
	r->capture = tt_capture_open(path, err);
	if (!r->capture)
		return -errno;
	r->ended = false;
	r->rc = 0;
	r->err.msg[0] = 0;
	atomic_store(&r->packets, 0);
	atomic_store(&r->pos, 0);
	return 0;
}

unsigned reader_take(struct reader *r, struct tt_capture_rec *recs, unsigned n) {
	int got = 0;
	pthread_mutex_lock(&r->lock);
	if (!r->ended) {
		got = tt_capture_read(r->capture, recs, n, &r->err);
		if (got <= 0) {
			r->ended = true;
			r->rc = got;
			got = 0;
		}
		uint64_t total = atomic_load_explicit(&r->packets, memory_order_relaxed);
		atomic_store_explicit(&r->packets, total + (unsigned)got, memory_order_relaxed);
		atomic_store_explicit(&r->pos, tt_capture_pos(r->capture), memory_order_relaxed);
	}
	pthread_mutex_unlock(&r->lock);
	return (unsigned)got;
}

void reader_close(struct reader *r) {
	tt_capture_close(&r->capture);
	r->ended = true;
}
