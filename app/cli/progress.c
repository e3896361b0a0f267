/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

struct progress {
	char text[200];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; // under lock
};

static void *tick(void *arg_) {
	struct progress *p = arg_;
	struct timespec at;
	unsigned sec = 0;
	clock_gettime(CLOCK_MONOTONIC, &at);
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		at.tv_sec++;
		while (!p->stop && !pthread_cond_timedwait(&p->wake, &p->lock, &at))
			;
		if (!p->stop)
			fprintf(stderr, "\r\033[K%s: %u s", p->text, ++sec);
	}
	pthread_mutex_unlock(&p->lock);
	if (sec)
		fputs("\r\033[K", stderr);
	return NULL;
}

struct progress *progress_start(const char *fmt, ...) {
	pthread_condattr_t attr;
	va_list ap;
	if (!isatty(STDERR_FILENO))
		return NULL;
	struct progress *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&p->thread, NULL, tick, p)) {
		pthread_cond_destroy(&p->wake);
		pthread_mutex_destroy(&p->lock);
		free(p);
		return NULL;
	}
	return p;
}

void progress_stop(struct progress **p) {
	if (!*p)
		return;
	pthread_mutex_lock(&(*p)->lock);
	(*p)->stop = true;
	pthread_cond_signal(&(*p)->wake);
	pthread_mutex_unlock(&(*p)->lock);
	pthread_join((*p)->thread, NULL);
	pthread_cond_destroy(&(*p)->wake);
	pthread_mutex_destroy(&(*p)->lock);
	free(*p);
	*p = NULL;
}
