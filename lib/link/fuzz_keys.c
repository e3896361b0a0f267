/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a file of a secret key: what is taken is a key that CURVE knows, what is not says
// why.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "tt_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_link_keys keys = {0};
	struct tt_err err = {""};
	char path[64], public_key[41];
	int fd = memfd_create("key", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!tt_link_keys_load(&keys, path, &err)) {
		if (strlen(keys.secret_key) != 40 ||
			zmq_curve_public(public_key, keys.secret_key) ||
			strcmp(public_key, keys.public_key))
			abort();
	} else if (!err.msg[0] || strchr(err.msg, '\n')) {
		abort();
	}
	close(fd);
	return 0;
}
