/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a list of scanners in a folder, as scanners.json, and as regions.json. The first
// byte says which; what is refused is refused in one line.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tt_atlas.h"
#include "tt_region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], list[96], json[96];

static void remove_all(void) {
	unlink(list);
	unlink(json);
	rmdir(dir);
}

static void put(const char *path, const uint8_t *data, size_t size) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_err err = {""};
	bool ok;
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/dev/shm/tt-fuzz-scanners-%d", (int)getpid());
		snprintf(list, sizeof(list), "%s/list.txt", dir);
		snprintf(json, sizeof(json), "%s.json", dir);
		if (mkdir(dir, 0700))
			abort();
		atexit(remove_all);
	}
	if (!size)
		return 0;
	put(data[0] % 3 ? json : list, data + 1, size - 1);
	if (data[0] % 3 == 2) {
		struct tt_atlas *a = tt_atlas_load(json, &err);
		ok = a;
		tt_atlas_destroy(&a);
	} else {
		struct tt_scanners *s = tt_scanners_load(data[0] % 3 ? json : dir, &err);
		ok = s;
		tt_scanners_destroy(&s);
	}
	if (!ok && (!err.msg[0] || strchr(err.msg, '\n')))
		abort();
	return 0;
}
