/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tt_hash.h"
#include "tt_text.h"

static int open_regular(const char *path, struct stat *st, struct tt_err *err) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	int rc = fstat(fd, st) < 0 ? -errno : S_ISDIR(st->st_mode) ? -EISDIR : 0;
	if (!rc)
		return fd;
	close(fd);
	return tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
}

int tt_file_read(const char *path, struct tt_buf *out, struct tt_err *err) {
	tt_buf_reset(out);
	struct stat st;
	int fd = open_regular(path, &st, err);
	if (fd < 0)
		return fd;
	uint8_t chunk[65536];
	ssize_t n;
	// what is too large is not read to find out
	int rc = S_ISREG(st.st_mode) && (uint64_t)st.st_size > out->max ? -EFBIG : 0;
	while (!rc && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			rc = tt_buf_append(out, chunk, (size_t)n);
		else if (errno != EINTR)
			rc = -errno;
	}
	close(fd);
	if (rc == -EFBIG)
		return tt_err_set(
			err, rc, "%s: is larger than %zu bytes, expected less", path, out->max);
	if (rc)
		return tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
	return 0;
}

int tt_file_read_text(const char *path, struct tt_buf *out, struct tt_err *err) {
	int rc = tt_file_read(path, out, err);
	if (rc)
		return rc;
	if (!out->data && tt_buf_append(out, "", 0))
		return tt_err_set(err, out->rc, "%s: %s", path, strerror(-out->rc));
	const char *text = (const char *)out->data, *end = text + out->len;
	unsigned row = 1, n;
	for (; (n = tt_utf8_len(text)); text += n)
		row += *text == '\n';
	if (text == end)
		return 0;
	return tt_err_set(err, -EINVAL, "%s:%u: has %s, expected text in UTF-8", path, row,
		*text ? "bytes that are no UTF-8" : "a zero byte");
}

static int write_all(int fd, const uint8_t *data, size_t len) {
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

// The rename itself is only durable once the directory is.
static int sync_dir_of(const char *path) {
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path + 1), path)
		      : snprintf(dir, sizeof(dir), ".");
	if (n < 0 || (size_t)n >= sizeof(dir))
		return -ENAMETOOLONG;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int tt_file_write(
	const char *path, const void *data, size_t len, unsigned mode, struct tt_err *err) {
	char tmp[PATH_MAX];
	int n = snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return tt_err_set(err, -ENAMETOOLONG, "%s: name too long", path);
	int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return tt_err_set(err, -errno, "%s: %s", tmp, strerror(errno));
	int rc = write_all(fd, data, len);
	if (!rc && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		rc = -errno;
	if (close(fd) < 0 && !rc)
		rc = -errno;
	if (!rc && rename(tmp, path) < 0)
		rc = -errno;
	if (rc)
		unlink(tmp);
	else
		rc = sync_dir_of(path);
	return rc ? tt_err_set(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static void hex_of(const uint8_t *bytes, unsigned n, char *hex) {
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < n; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

static uint64_t mix_stat(const struct stat *st) {
	uint64_t h = tt_mix64((uint64_t)st->st_size + 1);
	h = tt_mix64(h ^ (uint64_t)st->st_ino);
	return tt_mix64(
		h ^ ((uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec));
}

static uint64_t mix_name(const char *name) {
	static const uint8_t key[16] = {0};
	return tt_siphash(key, name, strlen(name));
}

uint64_t tt_path_signature(const char *path, unsigned depth) {
	struct stat st;
	if (stat(path, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return mix_stat(&st);
	DIR *d = opendir(path);
	uint64_t sum = 1;
	for (struct dirent *e; d && (e = readdir(d));) {
		char below[PATH_MAX];
		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) < 0)
			continue;
		uint64_t h = mix_name(e->d_name);
		if (!S_ISDIR(st.st_mode))
			h ^= mix_stat(&st);
		else if (depth == 0 || snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >=
					       (int)sizeof(below))
			continue;
		else
			h ^= tt_path_signature(below, depth - 1);
		sum += tt_mix64(h); // whatever the order of the entries
	}
	if (d)
		closedir(d);
	return sum;
}

bool tt_file_watch_changed(struct tt_file_watch *w, uint64_t signature) {
	bool still = signature == w->seen, other = signature != w->used;
	w->seen = signature;
	if (!still || !other)
		return false;
	w->used = signature;
	return true;
}

void tt_sha256(const void *data, size_t len, char hex[65]) {
	uint8_t sum[32] = {0};
	EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL);
	hex_of(sum, sizeof(sum), hex);
}

int tt_file_sha256(const char *path, char hex[65], struct tt_err *err) {
	struct stat st;
	int fd = open_regular(path, &st, err);
	if (fd < 0)
		return fd;
	const size_t size = 1 << 20;
	uint8_t *chunk = malloc(size), sum[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = chunk && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) ? 0 : -ENOMEM;
	ssize_t n;
	while (!rc && (n = read(fd, chunk, size)) != 0) {
		if (n > 0)
			rc = EVP_DigestUpdate(ctx, chunk, (size_t)n) ? 0 : -EIO;
		else if (errno != EINTR)
			rc = -errno;
	}
	if (!rc && !EVP_DigestFinal_ex(ctx, sum, NULL))
		rc = -EIO;
	EVP_MD_CTX_free(ctx);
	free(chunk);
	close(fd);
	if (rc)
		return tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
	hex_of(sum, sizeof(sum), hex);
	return 0;
}

void tt_random(void *out, size_t len) {
	uint8_t *p = out;
	while (len) {
		ssize_t n = getrandom(p, len > 256 ? 256 : len, 0);
		if (n < 0)
			continue; // only EINTR before the pool is ready
		p += n;
		len -= (size_t)n;
	}
}
