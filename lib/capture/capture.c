/* SPDX-License-Identifier: BSD-3-Clause */
// The file as a whole: mapping, what kind it is, and failures that wait for their turn.
//
// A file that another process cuts while it is mapped turns reads into SIGBUS, as does a disk that
// fails. A library must not catch signals, so the window ahead is checked before it is touched:
// fstat says whether the file still reaches as far as at open, MADV_POPULATE_READ (Linux 5.14)
// faults the pages in and reports instead of killing. What remains is a file cut in the moment
// between check and use, within WINDOW bytes.
#include "capture_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define WINDOW (4u << 20) // checked and faulted in at a time
#define AHEAD  (1u << 20) // a burst may reach this far past its first record

int capture_fail(struct tt_capture *c, int rc, uint64_t off, const char *fmt, ...) {
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->rc = rc;
	return tt_err_set(
		&c->err, rc, "%s: offset %llu: %s", c->path, (unsigned long long)off, text);
}

int capture_fail_link(struct tt_capture *c, uint64_t off, uint32_t linktype) {
	const char *name = linktype_name(linktype);
	return capture_fail(c, -ENOTSUP, off,
		"link type %u (%s) is not supported, expected Ethernet, raw IP or Linux cooked v1 "
		"or v2",
		linktype, name ? name : "unknown");
}

// Makes sure that the bytes up to `want` are still in the file, and in memory.
static int check_window(struct tt_capture *c, uint64_t want) {
	if (want > c->size)
		want = c->size;
	if (want <= c->checked)
		return 0;
	struct stat st;
	if (fstat(c->fd, &st) < 0)
		return capture_fail(c, -errno, c->pos, "%s", strerror(errno));
	if ((uint64_t)st.st_size < c->size)
		return capture_fail(c, -EBADMSG, c->pos,
			"the file shrank from %llu to %llu bytes while it was read",
			(unsigned long long)c->size, (unsigned long long)st.st_size);
	uint64_t end = c->checked + WINDOW + AHEAD;
	if (end < want)
		end = want;
	if (end > c->size)
		end = c->size;
	uint64_t start = c->checked & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	if (madvise((void *)(uintptr_t)(c->map + start), end - start, MADV_POPULATE_READ) < 0 &&
		(errno == EFAULT || errno == EHWPOISON))
		return capture_fail(c, -EIO, c->pos, "the file cannot be read here");
	c->checked = end;
	return 0;
}

static const char *other_format(const uint8_t *b, uint64_t n) {
	static const struct {
		uint8_t magic[4], len;
		const char *name;
	} kinds[] = {
		{{0x1f, 0x8b}, 2, "gzip: decompress it first"},
		{{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd: decompress it first"},
		{{0xfd, '7', 'z', 'X'}, 4, "xz: decompress it first"},
		{{'B', 'Z', 'h'}, 3, "bzip2: decompress it first"},
		{{0x04, 0x22, 0x4d, 0x18}, 4, "lz4: decompress it first"},
		{{'s', 'n', 'o', 'o'}, 4, "snoop"},
		{{'X', 'C', 'P', 0}, 4, "NetXRay"},
		{{0x1c, 0x00, 0x01, 0xac}, 4, "IXIA pcap"},
		{{0xac, 0x01, 0x00, 0x1c}, 4, "IXIA pcap"},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (n >= kinds[i].len && memcmp(b, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].name;
	return NULL;
}

static int open_header(struct tt_capture *c) {
	static const uint8_t shb[4] = {0x0a, 0x0d, 0x0d, 0x0a};
	if (c->size < 4) {
		return capture_fail(c, -EINVAL, 0,
			"the file has %llu bytes, expected a pcap or "
			"pcapng header",
			(unsigned long long)c->size);
	}
	int rc = check_window(c, AHEAD);
	if (rc < 0)
		return rc;
	if (memcmp(c->map, shb, 4) == 0) {
		c->ng = true;
		return pcapng_open(c);
	}
	const char *other = other_format(c->map, c->size);
	if (other)
		return capture_fail(
			c, -ENOTSUP, 0, "the file is %s, expected pcap or pcapng", other);
	return pcap_open(c);
}

static int map_file(struct tt_capture *c) {
	struct stat st;
	// O_NONBLOCK so that a FIFO without a writer is refused and not waited for.
	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return tt_err_set(&c->err, -errno, "%s: %s", c->path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return tt_err_set(
			&c->err, -EISDIR, "%s: is a directory, expected a capture file", c->path);
	if (!S_ISREG(st.st_mode))
		return tt_err_set(&c->err, -EINVAL, "%s: is not a regular file", c->path);
	c->size = (uint64_t)st.st_size;
	if (c->size == 0)
		return 0;
	void *map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, c->fd, 0);
	if (map == MAP_FAILED)
		return tt_err_set(
			&c->err, -errno, "%s: cannot be mapped: %s", c->path, strerror(errno));
	c->map = map;
	madvise(map, c->size, MADV_SEQUENTIAL);
	return 0;
}

struct tt_capture *tt_capture_open(const char *path, struct tt_err *err) {
	struct tt_capture *c = calloc(1, sizeof(*c));
	if (!c || !(c->path = strdup(path))) {
		free(c);
		tt_err_set(err, 0, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	c->fd = -1;
	int rc = map_file(c);
	if (rc == 0)
		rc = open_header(c);
	if (rc < 0) {
		if (err)
			*err = c->err;
		tt_capture_close(&c);
		errno = -rc;
		return NULL;
	}
	return c;
}

void tt_capture_close(struct tt_capture **cp) {
	struct tt_capture *c = *cp;
	if (!c)
		return;
	if (c->map)
		munmap((void *)(uintptr_t)c->map, c->size);
	if (c->fd >= 0)
		close(c->fd);
	free(c->ifaces);
	free(c->path);
	free(c);
	*cp = NULL;
}

int tt_capture_read(
	struct tt_capture *c, struct tt_capture_rec *recs, unsigned n, struct tt_err *err) {
	unsigned got = 0;
	while (got < n && c->rc == 0 && c->pos < c->size) {
		if (check_window(c, c->pos + AHEAD) < 0)
			break;
		// a call ends early where the window does
		got += c->ng ? pcapng_read(c, recs + got, n - got)
			     : pcap_read(c, recs + got, n - got);
	}
	if (got > 0 || c->rc == 0)
		return (int)got;
	if (err)
		*err = c->err;
	return c->rc;
}

uint64_t tt_capture_size(const struct tt_capture *c) {
	return c->size;
}

uint64_t tt_capture_pos(const struct tt_capture *c) {
	return c->pos;
}
