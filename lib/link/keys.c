/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "tt_file.h"
#include "tt_link.h"

int tt_link_keys_load(struct tt_link_keys *keys, const char *path, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(4096);
	struct stat st;
	if (stat(path, &st))
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return tt_err_set(err, -EPERM,
			"%s: mode %03o lets others read a secret key, expected 600", path,
			st.st_mode & 0777u);
	int rc = tt_file_read(path, &b, err);
	if (!rc && (b.len < 40 || strcspn((char *)b.data, " \t\r\n") != 40))
		rc = tt_err_set(err, -EINVAL,
			"%s: expected a secret key of 40 characters (Z85) on the first line", path);
	if (!rc) {
		memcpy(keys->secret_key, b.data, 40);
		keys->secret_key[40] = 0;
		if (zmq_curve_public(keys->public_key, keys->secret_key)) {
			memset(keys->secret_key, 0, sizeof(keys->secret_key));
			rc = tt_err_set(err, -EINVAL, "%s: is no CURVE secret key (Z85)", path);
		}
	}
	if (b.data)
		explicit_bzero(b.data, b.len);
	tt_buf_free(&b);
	return rc;
}
