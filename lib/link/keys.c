/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "tt_link.h"

#define KEY_LEN	   40
#define TEXT_MAX   4096
#define PATH_BYTES 4096

// the file that was looked at is the file that is read
static int read_private(const char *path, char text[TEXT_MAX], struct tt_err *err) {
	struct stat st;
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	ssize_t n = fstat(fd, &st) ? -1 : 0;
	if (n == 0 && !S_ISREG(st.st_mode))
		rc = tt_err_set(err, -EINVAL, "%s: is no file", path);
	else if (n == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)))
		rc = tt_err_set(err, -EPERM,
			"%s: mode %03o lets others read a secret key, expected 600", path,
			st.st_mode & 0777u);
	else if (n == 0 && st.st_uid != 0 && st.st_uid != geteuid())
		rc = tt_err_set(err, -EPERM,
			"%s: belongs to user %u, who knows this secret key, expected user %u", path,
			st.st_uid, geteuid());
	else if (n == 0)
		n = read(fd, text, TEXT_MAX - 1);
	if (n < 0)
		rc = tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	text[n > 0 ? n : 0] = 0;
	close(fd);
	return rc;
}

int tt_link_keys_load(struct tt_link_keys *keys, const char *path, struct tt_err *err) {
	char text[TEXT_MAX];
	int rc = read_private(path, text, err);
	if (!rc && strcspn(text, " \t\r\n") != KEY_LEN)
		rc = tt_err_set(err, -EINVAL,
			"%s: expected a secret key of 40 characters (Z85) on the first line", path);
	if (!rc) {
		memcpy(keys->secret_key, text, KEY_LEN);
		keys->secret_key[KEY_LEN] = 0;
		if (zmq_curve_public(keys->public_key, keys->secret_key)) {
			memset(keys->secret_key, 0, sizeof(keys->secret_key));
			rc = tt_err_set(err, -EINVAL, "%s: is no CURVE secret key (Z85)", path);
		}
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int write_new(const char *path, const char *key, mode_t mode, struct tt_err *err) {
	char line[KEY_LEN + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0 && errno == EEXIST)
		return tt_err_set(err, -EEXIST, "%s: is there already, expected a new file", path);
	if (fd < 0)
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	int len = snprintf(line, sizeof(line), "%s\n", key), rc = 0;
	// whatever the umask says
	if (fchmod(fd, mode) || write(fd, line, (size_t)len) != len || fsync(fd))
		rc = tt_err_set(err, errno ? -errno : -EIO, "%s: %s", path, strerror(errno));
	close(fd);
	explicit_bzero(line, sizeof(line));
	if (rc)
		unlink(path);
	return rc;
}

int tt_link_keys_create(const char *path, char public_key[41], struct tt_err *err) {
	char secret[KEY_LEN + 1], beside[PATH_BYTES];
	if (snprintf(beside, sizeof(beside), "%s.pub", path) >= (int)sizeof(beside))
		return tt_err_set(err, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
	if (zmq_curve_keypair(public_key, secret))
		return tt_err_set(err, -errno, "drawing a key: %s", zmq_strerror(errno));
	int rc = write_new(path, secret, 0600, err);
	explicit_bzero(secret, sizeof(secret));
	if (rc)
		return rc;
	rc = write_new(beside, public_key, 0644, err);
	if (rc) // half a pair is of no use
		unlink(path);
	return rc;
}

int tt_link_peer_keys(
	const struct json_t *list, const char *member, struct tt_link_peer_key **out, unsigned *n) {
	size_t i, count = json_array_size(list);
	json_t *row;
	*out = NULL;
	*n = 0;
	if (!count)
		return 0;
	struct tt_link_peer_key *k = calloc(count, sizeof(*k));
	if (!k)
		return -ENOMEM;
	json_array_foreach(list, i, row) {
		snprintf(k[i].name, sizeof(k[i].name), "%s",
			json_string_value(json_object_get(row, member)));
		snprintf(k[i].key, sizeof(k[i].key), "%s",
			json_string_value(json_object_get(row, "key")));
	}
	*out = k;
	*n = (unsigned)count;
	return 0;
}
