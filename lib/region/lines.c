/* SPDX-License-Identifier: BSD-3-Clause */
#include "lines.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int lines_open(struct lines *l, const char *path, struct tt_err *err) {
	*l = (struct lines){.name = path};
	struct stat st;
	if (stat(path, &st) < 0)
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tt_err_set(err, -EISDIR, "%s: is no regular file", path);
	errno = 0;
	l->gz = gzopen(path, "rbe");
	if (!l->gz) {
		int rc = errno ? -errno : -ENOMEM;
		return tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
	}
	gzbuffer(l->gz, LINE_MAX_BYTES);
	l->buf = malloc(LINE_MAX_BYTES + 1);
	if (l->buf)
		return 0;
	lines_close(l);
	return tt_err_set(err, -ENOMEM, "%s: out of memory", path);
}

int lines_open_memory(struct lines *l, const char *name, const void *data, size_t len) {
	*l = (struct lines){.name = name, .mem = data, .mem_len = len};
	l->buf = malloc(LINE_MAX_BYTES + 1);
	return l->buf ? 0 : -ENOMEM;
}

void lines_close(struct lines *l) {
	if (l->gz)
		gzclose_r(l->gz);
	l->gz = NULL;
	free(l->buf);
	l->buf = NULL;
}

int lines_bad(const struct lines *l, struct tt_err *err, const char *fmt, ...) {
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tt_err_set(err, -EINVAL, "%s:%u: %s", l->name, l->row, text);
}

// Moves what is left to the front and fills up behind it.
static int fill(struct lines *l, struct tt_err *err) {
	memmove(l->buf, l->buf + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	size_t room = LINE_MAX_BYTES - l->end, n;
	if (l->gz) {
		int got = gzread(l->gz, l->buf + l->end, (unsigned)room);
		int code;
		const char *why = gzerror(l->gz, &code);
		if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
			if (code == Z_ERRNO)
				return tt_err_set(err, -EIO, "%s: %s", l->name, strerror(errno));
			// zlib begins with the name
			size_t name = strlen(l->name);
			if (strncmp(why, l->name, name) == 0 && strncmp(why + name, ": ", 2) == 0)
				why += name + 2;
			return tt_err_set(err, -EBADMSG, "%s: after row %u: broken gzip: %s",
				l->name, l->row, why);
		}
		n = (size_t)got;
	} else {
		n = l->mem_len - l->mem_at < room ? l->mem_len - l->mem_at : room;
		memcpy(l->buf + l->end, l->mem + l->mem_at, n);
		l->mem_at += n;
	}
	l->eof = n == 0;
	l->end += n;
	l->total += n;
	if (l->total > LINES_MAX_BYTES)
		return tt_err_set(err, -EFBIG, "%s: is longer than %llu bytes, expected less",
			l->name, LINES_MAX_BYTES);
	return 0;
}

int lines_next(struct lines *l, char **line, struct tt_err *err) {
	char *end;
	while (!(end = memchr(l->buf + l->start, '\n', l->end - l->start))) {
		if (l->eof)
			break;
		if (l->end - l->start == LINE_MAX_BYTES) {
			l->row++;
			lines_bad(l, err, "is longer than %d bytes, expected text", LINE_MAX_BYTES);
			return -EINVAL;
		}
		int rc = fill(l, err);
		if (rc != 0)
			return rc;
	}
	if (!end && l->start == l->end)
		return 0;
	l->unclosed = !end;
	l->row++;
	*line = l->buf + l->start;
	size_t len = (end ? (size_t)(end - l->buf) : l->end) - l->start;
	l->start += len + (end ? 1 : 0);
	(*line)[len] = '\0';
	if (memchr(*line, '\0', len))
		return lines_bad(l, err, "has a zero byte, expected text");
	if (len > 0 && (*line)[len - 1] == '\r')
		(*line)[len - 1] = '\0';
	return 1;
}

unsigned split(char *line, char separator, char **parts, unsigned max) {
	unsigned n = 0;
	while (n < max) {
		parts[n++] = line;
		char *end = n < max ? strchr(line, separator) : NULL;
		if (!end)
			break;
		*end = '\0';
		line = end + 1;
	}
	return n;
}

bool parse_u64(const char *text, uint64_t max, uint64_t *out) {
	uint64_t v = 0;
	if (!*text || strlen(text) > 19)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = v;
	return v <= max;
}

static int by_name(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int list_files(const char *dir, bool (*want)(const char *name), char ***names, unsigned *n,
	struct tt_err *err) {
	*names = NULL;
	*n = 0;
	unsigned cap = 0;
	DIR *d = opendir(dir);
	if (!d)
		return tt_err_set(err, -errno, "%s: %s", dir, strerror(errno));
	int rc = 0;
	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		struct stat st;
		if (!want(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		if (*n == cap) {
			cap = cap ? cap * 2 : 16;
			char **p = realloc(*names, cap * sizeof(*p));
			if (!p) {
				rc = -ENOMEM;
				break;
			}
			*names = p;
		}
		(*names)[*n] = strdup(e->d_name);
		rc = (*names)[*n] ? 0 : -ENOMEM;
		*n += rc == 0;
	}
	closedir(d);
	if (rc != 0) {
		free_files(*names, *n);
		*names = NULL;
		*n = 0;
		return tt_err_set(err, rc, "%s: out of memory", dir);
	}
	if (*n > 0)
		qsort(*names, *n, sizeof(**names), by_name);
	return 0;
}

void free_files(char **names, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
