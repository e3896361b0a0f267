/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "replay.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	remove(path);
	return 0;
}

// The socket, and what a probe that was killed left of its start.
static void remove_dir(const char *path) {
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// Waits in a process of its own until we are gone, then removes the directory. The collector may
// still be closing its socket, so it tries for a while.
static void keep(const char *path, int alive) {
	const struct timespec pause = {.tv_nsec = 50000000};
	char c;
	setsid();
	// it must hold nothing that others wait for, such as our standard output
	if (alive > 0)
		close_range(0, (unsigned)alive - 1, 0);
	close_range((unsigned)alive + 1, ~0u, 0);
	while (read(alive, &c, 1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 100 && !access(path, F_OK); i++) {
		remove_dir(path);
		if (access(path, F_OK))
			break;
		nanosleep(&pause, NULL);
	}
	_exit(0);
}

static int start_keeper(struct replay_dir *d) {
	int fds[2];
	sigset_t all, old;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	d->keeper = fork();
	if (!d->keeper) {
		close(fds[1]);
		keep(d->path, fds[0]);
	}
	int rc = d->keeper < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fds[0]);
	d->alive = fds[1];
	if (rc)
		close(d->alive);
	return rc;
}

int replay_dir_create(struct replay_dir *d, struct tt_err *err) {
	const char *tmp = getenv("TMPDIR");
	memset(d, 0, sizeof(*d));
	// names of sockets are limited to 107 bytes
	if (!tmp || tmp[0] != '/' || strlen(tmp) > 40)
		tmp = "/tmp";
	snprintf(d->path, sizeof(d->path), "%s/teiten-XXXXXX", tmp);
	if (!mkdtemp(d->path))
		return tt_err_set(err, -errno, "%s: %s", d->path, strerror(errno));
	int rc = start_keeper(d);
	if (rc) {
		remove_dir(d->path);
		return tt_err_set(err, rc, "starting a process: %s", strerror(-rc));
	}
	return 0;
}

void replay_dir_remove(struct replay_dir *d) {
	remove_dir(d->path);
	close(d->alive);
	waitpid(d->keeper, NULL, 0);
}
