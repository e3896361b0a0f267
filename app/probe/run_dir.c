/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE "RUNTIME_DIRECTORY"
// With "/dpdk/PREFIX/dpdk_telemetry.v2:9" behind it a name is to fit a UNIX socket's 107 bytes.
#define BASE_MAX (107 - (int)sizeof("/dpdk//dpdk_telemetry.v2:9"))

// For the end of the program, by when DPDK's own handler has removed its socket.
static char mine[256], shared[160];

static void remove_mine(void) {
	int lock = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return;
	flock(lock, LOCK_EX);
	(void)rmdir(mine); // not where another probe of this name has its socket there
	close(lock);
}

static bool find_base(struct run_dir *r, const char *prefix) {
	const char *given = getenv(VARIABLE), *xdg = getenv("XDG_RUNTIME_DIR");
	const char *base = given && *given ? given : getuid() == 0 ? "/var/run" : xdg;
	int max = BASE_MAX - (int)strlen(prefix);
	// systemd may name several
	int n = base ? (int)strcspn(base, ":") : 0;
	snprintf(r->base, sizeof(r->base), "%.*s", n, base ? base : "");
	return n > 0 && n < max && n < (int)sizeof(r->base);
}

bool run_dir_open(struct run_dir *r, const char *prefix) {
	r->lock = -1;
	if (!find_base(r, prefix))
		return false;
	snprintf(shared, sizeof(shared), "%s/dpdk", r->base);
	snprintf(mine, sizeof(mine), "%s/%s", shared, prefix);
	if ((mkdir(shared, 0700) && errno != EEXIST) ||
		(r->lock = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return false;
	flock(r->lock, LOCK_EX);
	bool ok = (mkdir(mine, 0700) == 0 || errno == EEXIST) && access(mine, W_OK | X_OK) == 0;
	if (ok)
		atexit(remove_mine); // before DPDK's handler, so after it
	else
		run_dir_unlock(r);
	return ok;
}

void run_dir_unlock(struct run_dir *r) {
	if (r->lock >= 0)
		close(r->lock);
	r->lock = -1;
}

char *run_dir_set(const char *base) {
	const char *before = getenv(VARIABLE);
	char *saved = before ? strdup(before) : NULL;
	setenv(VARIABLE, base ? base : RUN_DIR_NONE, 1);
	return saved;
}

void run_dir_restore(char *saved) {
	if (saved)
		setenv(VARIABLE, saved, 1);
	else
		unsetenv(VARIABLE);
	free(saved);
}
