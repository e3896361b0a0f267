/* SPDX-License-Identifier: BSD-3-Clause */
#include "sets.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tt_file.h"
#include "tt_time.h"

#define SETS_MAX 4096
#define HELD_MAX 4 // sets in memory

// Shared by the objects of successive loads; its files are read once.
struct set {
	atomic_uint refs;
	char *dir;
	uint64_t signature;
	uint32_t date;	      // 20241217; 0: no file says one
	pthread_mutex_t lock; // of what follows
	struct tt_region *region;
	bool failed;
};

struct tt_regions {
	struct set **sets; // by date, each date once
	unsigned n, cap;
	uint64_t *used; // by set: when it was last asked for
	uint64_t clock;
	rir_warn *warn;
	void *arg;
	// the last answer, and the times that it is good for
	const struct tt_region *region;
	int64_t from, to;
};

static void set_release(struct set *s) {
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	tt_region_destroy(&s->region);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

static int64_t start_of(uint32_t date) {
	if (date == 0)
		return INT64_MIN;
	return 86400 *
	       tt_civil_days((int)(date / 10000), (int)(date / 100 % 100), (int)(date % 100));
}

// The date of a set is the latest of its files'.
static int date_of_set(
	const char *dir, char **names, unsigned n, uint32_t *date, struct tt_err *err) {
	*date = 0;
	for (unsigned i = 0; i < n; i++) {
		char path[PATH_MAX];
		struct lines l;
		struct rir_file f;
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		int rc = lines_open(&l, path, err);
		if (rc != 0)
			return rc;
		rc = rir_peek(&l, &f, err);
		lines_close(&l);
		if (rc != 0)
			return rc;
		*date = f.date > *date ? f.date : *date;
	}
	return 0;
}

static struct set *reuse(const struct tt_regions *old, const char *dir, uint64_t signature) {
	for (unsigned i = 0; old && i < old->n; i++) {
		struct set *s = old->sets[i];
		if (s->signature == signature && strcmp(s->dir, dir) == 0) {
			atomic_fetch_add(&s->refs, 1);
			return s;
		}
	}
	return NULL;
}

static int add(struct tt_regions *r, struct set *s) {
	if (r->n == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : 8;
		struct set **p = realloc(r->sets, cap * sizeof(struct set *));
		if (!p)
			return -ENOMEM;
		r->sets = p;
		r->cap = cap;
	}
	r->sets[r->n++] = s;
	return 0;
}

// Adds a folder as a set where it holds delegation files.
static int add_folder(
	struct tt_regions *r, const char *dir, const struct tt_regions *old, struct tt_err *err) {
	char **names = NULL;
	unsigned n = 0;
	int rc = list_files(dir, region_is_delegation, &names, &n, err);
	if (rc != 0 || n == 0)
		return rc;
	uint64_t signature = tt_path_signature(dir, 0);
	struct set *s = reuse(old, dir, signature);
	if (!s && (s = calloc(1, sizeof(*s)))) {
		atomic_init(&s->refs, 1);
		pthread_mutex_init(&s->lock, NULL);
		s->signature = signature;
		s->dir = strdup(dir);
		rc = s->dir ? date_of_set(dir, names, n, &s->date, err) : -ENOMEM;
	}
	free_files(names, n);
	if (rc == 0)
		rc = s ? add(r, s) : -ENOMEM;
	if (rc != 0)
		set_release(s);
	return rc == -ENOMEM ? tt_err_set(err, rc, "%s: out of memory", dir) : rc;
}

static bool is_folder(const char *dir, const char *name, char path[PATH_MAX]) {
	struct stat st;
	return name[0] != '.' && snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_date(const void *a, const void *b) {
	const struct set *const *x = a, *const *y = b;
	if ((*x)->date != (*y)->date)
		return (*x)->date < (*y)->date ? -1 : 1;
	return strcmp((*x)->dir, (*y)->dir);
}

static void tell(const struct tt_regions *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(const struct tt_regions *r, const char *fmt, ...) {
	char line[1024];
	va_list ap;
	if (!r->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->warn(r->arg, line);
}

// Of sets of one date the last by name stays.
static void drop_equal_dates(struct tt_regions *r) {
	unsigned n = 0;
	for (unsigned i = 0; i < r->n; i++) {
		if (i + 1 < r->n && r->sets[i + 1]->date == r->sets[i]->date) {
			tell(r, "%s: not used, %s is of the same date", r->sets[i]->dir,
				r->sets[i + 1]->dir);
			set_release(r->sets[i]);
		} else {
			r->sets[n++] = r->sets[i];
		}
	}
	r->n = n;
}

static int scan(
	struct tt_regions *r, const char *dir, const struct tt_regions *old, struct tt_err *err) {
	int rc = add_folder(r, dir, old, err);
	DIR *d = rc == 0 ? opendir(dir) : NULL;
	if (rc == 0 && !d)
		rc = tt_err_set(err, -errno, "%s: %s", dir, strerror(errno));
	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		char path[PATH_MAX];
		if (is_folder(dir, e->d_name, path))
			rc = add_folder(r, path, old, err);
		if (rc == 0 && r->n > SETS_MAX)
			rc = tt_err_set(
				err, -E2BIG, "%s: has more than %d sets of files", dir, SETS_MAX);
	}
	if (d)
		closedir(d);
	if (rc == 0 && r->n == 0)
		rc = tt_err_set(err, -ENOENT,
			"%s: has no file delegated-REGISTRY-..., expected RIR delegation "
			"statistics",
			dir);
	if (rc != 0)
		return rc;
	qsort(r->sets, r->n, sizeof(*r->sets), by_date);
	drop_equal_dates(r);
	return 0;
}

static unsigned index_at(const struct tt_regions *r, int64_t time) {
	unsigned i = 0;
	while (i + 1 < r->n && start_of(r->sets[i + 1]->date) <= time)
		i++;
	return i;
}

// Loads a set where it is not there; NULL with errno.
static const struct tt_region *open_set(struct tt_regions *r, unsigned i, struct tt_err *err) {
	struct set *s = r->sets[i];
	int rc = EINVAL;
	pthread_mutex_lock(&s->lock);
	if (s->failed) {
		tt_err_set(err, -rc, "%s: cannot be read, as was told before", s->dir);
	} else if (!s->region) {
		s->region = region_load_set(s->dir, r->warn, r->arg, err);
		rc = errno;
		s->failed = !s->region && rc != ENOMEM;
	}
	const struct tt_region *region = s->region;
	pthread_mutex_unlock(&s->lock);
	r->used[i] = ++r->clock;
	errno = rc;
	return region;
}

// Frees the sets that were not asked for longest.
static void hold_few(struct tt_regions *r) {
	for (;;) {
		unsigned held = 0, oldest = 0;
		for (unsigned i = 0; i < r->n; i++) {
			if (r->used[i] == 0)
				continue;
			if (held++ == 0 || r->used[i] < r->used[oldest])
				oldest = i;
		}
		if (held <= HELD_MAX)
			return;
		struct set *s = r->sets[oldest];
		pthread_mutex_lock(&s->lock);
		tt_region_destroy(&s->region);
		pthread_mutex_unlock(&s->lock);
		r->used[oldest] = 0;
	}
}

static const struct tt_region *try_set(struct tt_regions *r, unsigned i) {
	struct tt_err err = {""};
	bool before = r->sets[i]->failed;
	const struct tt_region *region = open_set(r, i, &err);
	if (!region && !before)
		tell(r, "%s; another set is used in its place", err.msg);
	return region;
}

const struct tt_region *tt_regions_at(struct tt_regions *r, int64_t time) {
	if (!r || (r->region && time >= r->from && time < r->to))
		return r ? r->region : NULL;
	unsigned at = index_at(r, time);
	const struct tt_region *region = NULL;
	for (unsigned i = at + 1; !region && i-- > 0;)
		region = try_set(r, i);
	for (unsigned i = at + 1; !region && i < r->n; i++)
		region = try_set(r, i);
	hold_few(r);
	r->region = region;
	r->from = at == 0 ? INT64_MIN : start_of(r->sets[at]->date);
	r->to = at + 1 < r->n ? start_of(r->sets[at + 1]->date) : INT64_MAX;
	return region;
}

struct tt_regions *tt_regions_load(const char *dir, int64_t now, const struct tt_regions *old,
	void (*warn)(void *arg, const char *line), void *arg, struct tt_err *err) {
	struct tt_regions *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : tt_err_set(err, -ENOMEM, "%s: out of memory", dir);
	if (rc == 0) {
		r->warn = warn;
		r->arg = arg;
		rc = scan(r, dir, old, err);
	}
	if (rc == 0 && !(r->used = calloc(r->n, sizeof(*r->used))))
		rc = tt_err_set(err, -ENOMEM, "%s: out of memory", dir);
	if (rc == 0 && !open_set(r, index_at(r, now), err))
		rc = -errno;
	if (rc != 0) {
		tt_regions_destroy(&r);
		errno = -rc;
	}
	return r;
}

void tt_regions_destroy(struct tt_regions **rp) {
	struct tt_regions *r = rp ? *rp : NULL;
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++)
		set_release(r->sets[i]);
	free(r->sets);
	free(r->used);
	free(r);
	*rp = NULL;
}

unsigned tt_regions_count(const struct tt_regions *r) {
	return r ? r->n : 0;
}

struct tt_region *tt_region_load(
	const char *dir, void (*warn)(void *arg, const char *line), void *arg, struct tt_err *err) {
	struct tt_regions r = {.warn = warn, .arg = arg};
	struct tt_region *region = NULL;
	int rc = scan(&r, dir, NULL, err);
	if (rc == 0) {
		region = region_load_set(r.sets[r.n - 1]->dir, warn, arg, err);
		rc = region ? 0 : -errno;
	}
	for (unsigned i = 0; i < r.n; i++)
		set_release(r.sets[i]);
	free(r.sets);
	errno = -rc;
	return region;
}
