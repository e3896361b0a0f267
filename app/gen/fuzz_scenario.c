/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a scenario, and as the regions that one is about. What is refused is refused in one
// line; of what is taken, where it is small, the sources and the first packets' times are made.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schedule.h"
#include "tt_time.h"

#define SOURCES 2000 // more take their time

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct targets targets;

static void play(struct scenario *s, const struct regions *regions) {
	struct sources sources;
	struct schedule *schedule = NULL;
	struct tt_err err = {""};
	struct rng rng;
	int64_t ns = s->start_ns, last = ns;
	rng_seed(&rng, s->seed);
	if (sources_init(&sources))
		abort();
	if (!schedule_pools(s, regions, &sources, &rng, &err))
		schedule = schedule_create(s, regions, &targets, &sources, &err);
	for (unsigned i = 0; schedule && i < 100 && schedule_time(schedule, &rng, &ns); i++) {
		struct pick pick;
		if (ns < last || ns >= s->end_ns)
			abort();
		last = ns;
		schedule_pick(schedule, &rng, &pick);
		if (pick.sensor >= targets.n || pick.stream >= s->stream_n)
			abort();
	}
	schedule_destroy(&schedule);
	sources_free(&sources);
}

static bool is_small(const struct scenario *s) {
	uint64_t n = s->sources;
	for (unsigned i = 0; i < s->event_n; i++)
		n += s->events[i].sources;
	return n <= SOURCES && s->end_ns - s->start_ns <= 400 * 86400 * TT_NS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_err err = {""};
	struct regions regions;
	struct scenario s;
	char path[64];
	if (!targets.n && targets_init(&targets, NULL, &err))
		abort();
	if (!size)
		return 0;
	int fd = memfd_create("scenario", MFD_CLOEXEC), rc;
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	regions_default(&regions);
	if (data[0] % 2) {
		rc = regions_load(&regions, path, &err);
	} else {
		scenario_init(&s);
		rc = scenario_load(&s, path, &regions, &targets, &err);
		if (!rc && is_small(&s))
			play(&s, &regions);
		scenario_free(&s);
	}
	if (rc && (!err.msg[0] || strchr(err.msg, '\n')))
		abort();
	close(fd);
	return 0;
}
