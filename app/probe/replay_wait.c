/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"
#include "progress.h"
#include "replay.h"
#include "tt_log.h"
#include "tt_time.h"

// How long an interrupted run may take to put itself in order.
#define PATIENCE_NS (3 * TT_NS)

static uint64_t all_bytes(const struct options *o) {
	uint64_t all = 0;
	struct stat st;
	for (unsigned i = 0; i < o->job_n; i++)
		if (stat(o->jobs[i].file, &st) == 0)
			all += (uint64_t)st.st_size;
	return all;
}

bool replay_wait(struct replay *r) {
	struct probe *p = r->probe;
	struct progress progress;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	int sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct pollfd fds[] = {{r->finished, POLLIN, 0}, {sig, POLLIN, 0}};
	uint64_t all = all_bytes(&p->options);
	int64_t deadline = 0;
	bool ended = false;
	progress_begin(&progress);
	while (!ended && (deadline == 0 || tt_mono_ns() < deadline)) {
		poll(fds, 2, 250);
		ended = fds[0].revents & POLLIN;
		struct signalfd_siginfo info;
		if ((fds[1].revents & POLLIN) && read(sig, &info, sizeof(info)) == sizeof(info) &&
			deadline == 0) {
			progress_end(&progress);
			tt_log(TT_ERR, "interrupted: captures that are not complete do not count");
			atomic_store(&p->abort, true);
			deadline = tt_mono_ns() + PATIENCE_NS;
		}
		if (!ended && deadline == 0)
			progress_show(&progress,
				atomic_load(&r->packets_before) +
					atomic_load(&p->jobs.reader.packets),
				atomic_load(&r->bytes_before) + atomic_load(&p->jobs.reader.pos),
				all);
	}
	progress_end(&progress);
	close(sig);
	return ended;
}
