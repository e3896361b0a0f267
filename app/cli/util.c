/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "tt_log.h"
#include "tt_store.h"

int complain(int status, const char *fmt, ...) {
	struct tt_err line;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line.msg, sizeof(line.msg), fmt, ap);
	va_end(ap);
	tt_log(TT_ERR, "%s", line.msg);
	return status;
}

int number(const char *text, uint64_t min, uint64_t max, uint64_t *out) {
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || *end || v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

int program_dir(char *buf, size_t len) {
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	return snprintf(buf, len, "%s", dirname(path)) < (int)len ? 0 : -ENAMETOOLONG;
}

const char *find_program(const char *name, char *buf, size_t len) {
	char dir[PATH_MAX];
	if (!program_dir(dir, sizeof(dir)) && snprintf(buf, len, "%s/%s", dir, name) < (int)len &&
		!access(buf, X_OK))
		return buf;
	return name;
}

int print_json(const json_t *root, size_t flags) {
	int rc = json_dumpf(root, stdout, flags);
	putchar('\n');
	return rc && !ferror(stdout) ? -ENOMEM : 0;
}

int open_status(int rc) {
	return tt_store_open_input(rc) == -EINVAL ? USAGE : FAILED;
}

static struct tt_store *open_mode(const struct args *a, enum tt_store_mode mode, int *status) {
	struct tt_store_conf conf = {.path = arg(a, "db"), .mode = mode};
	struct tt_store *s = NULL;
	struct tt_err err = {0};
	int rc = tt_store_open(&conf, &s, &err);
	if (rc)
		*status = complain(open_status(rc), "%s", err.msg);
	return s;
}

struct tt_store *open_db(const struct args *a, int *status) {
	return open_mode(a, TT_STORE_READ, status);
}

struct tt_store *open_db_for_writing(const struct args *a, int *status) {
	const char *path = arg(a, "db");
	struct stat st;
	// one that is not there, or empty, would be made
	if (stat(path, &st)) {
		*status = complain(open_status(-errno), "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (S_ISREG(st.st_mode) && !st.st_size) {
		*status = complain(USAGE, "%s: is no database, expected one of teiten", path);
		return NULL;
	}
	return open_mode(a, TT_STORE_WRITE, status);
}
