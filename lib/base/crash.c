/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_crash.h"

#ifdef TT_CRASH
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void tt_crash_point(const char *name) {
	static atomic_ulong passed;
	const char *wanted = getenv("TEITEN_CRASH");
	size_t n = strlen(name);

	if (wanted == NULL || strncmp(wanted, name, n) != 0 || wanted[n] != ':')
		return;
	if (atomic_fetch_add(&passed, 1) + 1 == strtoul(wanted + n + 1, NULL, 10))
		raise(SIGKILL);
}
#endif
