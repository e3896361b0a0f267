/* SPDX-License-Identifier: BSD-3-Clause */
// What a watch says of a period: days that are not usual, which networks' sensors saw them, what
// the packets were like, what others said about the sources.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "usual.h"

#define UP_LEAST       0.9 // of the expected time, or a network cannot witness
#define EXPECTED_LEAST 10  // packets: fewer could be missing by chance (p = e^-10)
#define SAW_SHARE      0.1 // of what is expected; below that a network did not see it

struct finder {
	struct tt_store *s;
	const char *name;
	struct tt_watch_result *out;
	struct tt_err *err;
	struct tt_watch_counts past; // the period and what lies before
	struct series_day *days;
	unsigned lead; // days before the period
};

static double value_of(enum tt_measure m, const struct tt_watch_day *d) {
	return (double)(m == TT_MEASURE_BYTES	  ? d->bytes
			: m == TT_MEASURE_SOURCES ? d->sources
						  : d->packets);
}

static void bound_day(struct tt_watch_day *d, const struct tt_watch_day *whole) {
	if (d->sources > d->packets)
		d->sources = d->packets;
	if (whole->known && whole->sources_error == 0 && d->sources > whole->sources)
		d->sources = whole->sources;
}

// A part has no more sources than packets, nor than the whole where those are counted exactly:
// estimates that say so are known to be too high.
static void bound_parts(struct tt_watch_counts *c) {
	for (unsigned i = 0; i < c->part_n; i++) {
		struct tt_watch_part *p = &c->parts[i];
		struct tt_watch_day all = {.packets = p->packets, .sources = p->sources};
		struct tt_watch_day whole = c->whole;
		whole.known = true;
		bound_day(&all, &whole);
		p->sources = all.sources;
		for (unsigned d = 0; p->days && d < c->day_n; d++)
			bound_day(&p->days[d], &c->days[d]);
	}
}

static int load_days(struct finder *f, int64_t from, int64_t to) {
	struct tt_watch_result *out = f->out;
	struct tt_tz *tz = tt_store_tz(f->s);
	unsigned bys = out->info.by | 1u << TT_WATCH_BY_NETWORK | 1u << TT_WATCH_BY_SENSOR |
		       1u << TT_WATCH_BY_TRAIT;
	int rc = tt_store_watch_read(f->s, f->name, from, to, bys, &out->counts, f->err);
	if (rc || out->counts.from >= out->counts.to)
		return rc;
	bound_parts(&out->counts);
	int64_t first = tt_tz_day(tz, out->counts.from);
	rc = tt_store_watch_read(f->s, f->name, tt_tz_day_start(tz, first - USUAL_DAYS),
		out->counts.to, 0, &f->past, f->err);
	if (rc)
		return rc;
	f->days = calloc(f->past.day_n + 1, sizeof(*f->days));
	if (!f->days)
		return tt_err_set(f->err, -ENOMEM, "watch: %s", strerror(ENOMEM));
	f->lead = f->past.day_n - out->counts.day_n;
	for (unsigned i = 0; i < f->past.day_n; i++) {
		const struct tt_watch_day *d = &f->past.days[i];
		f->days[i].value = d->known ? value_of(out->info.measure, d) : 0;
		f->days[i].known = d->known && d->completeness >= UP_LEAST;
		f->days[i].weekend = is_weekend(tt_tz_day(tz, d->start));
	}
	return 0;
}

// ---- who saw it

static const struct tt_watch_part *part_of(
	const struct tt_watch_counts *c, enum tt_watch_by by, const char *key) {
	for (unsigned i = 0; i < c->part_n; i++)
		if (c->parts[i].by == by && !strcmp(c->parts[i].key, key))
			return &c->parts[i];
	return NULL;
}

// Packets a day that a part usually sees: the median over the period's days that are not odd.
static double usual_packets(const struct finder *f, const char *key) {
	const struct tt_watch_part *p = part_of(&f->out->counts, TT_WATCH_BY_NETWORK, key);
	struct series_day *d = p ? calloc(f->out->counts.day_n + 1, sizeof(*d)) : NULL;
	unsigned n = 0;
	if (!d)
		return 0;
	for (unsigned i = 0; i < f->out->counts.day_n; i++) {
		if (f->days[f->lead + i].odd || !p->days[i].known)
			continue;
		d[n].value = (double)p->days[i].packets;
		d[n++].known = true;
	}
	// the day asked about stands behind them
	double median = usual_of(d, n + 1, n).median;
	free(d);
	return median;
}

static void fill_seen(const struct finder *f, const struct tt_watch_surge *s,
	const struct tt_watch_part *p, struct tt_seen *o) {
	double usual = usual_packets(f, p->key) * s->days;
	snprintf(o->key, sizeof(o->key), "%s", p->key);
	o->sensors = p->sensor_n;
	o->addresses = p->addresses;
	o->address_days = p->address_days;
	o->up_share = p->completeness < 0 ? 0 : p->completeness;
	o->seen = (double)p->packets > usual ? p->packets - (uint64_t)usual : 0;
}

// Had it come to every address alike, a network would have seen the rate of the one that saw most
// (by address and day) times its own addresses and days.
static void expect(struct tt_watch_surge *s) {
	double rate = 0;
	for (unsigned i = 0; i < s->seen_n; i++) {
		const struct tt_seen *o = &s->seen[i];
		if (o->address_days > 0 && (double)o->seen / o->address_days > rate)
			rate = (double)o->seen / o->address_days;
	}
	for (unsigned i = 0; i < s->seen_n; i++) {
		struct tt_seen *o = &s->seen[i];
		o->expected = rate * o->address_days;
		o->saw = o->seen > 0 && (double)o->seen >= SAW_SHARE * o->expected;
	}
}

void watch_judge(struct tt_watch_surge *s) {
	const struct tt_seen *saw = NULL;
	unsigned n = 0;
	for (unsigned i = 0; i < s->seen_n; i++)
		if (s->seen[i].saw) {
			saw = &s->seen[i];
			n++;
		}
	s->only[0] = s->why[0] = '\0';
	if (n != 1) {
		s->exclusive = n ? TT_EXCLUSIVE_NO : TT_EXCLUSIVE_UNDECIDED;
		snprintf(s->why, sizeof(s->why), "%s",
			n ? "" : "no network's sensors are known to have seen it");
		return;
	}
	s->exclusive = TT_EXCLUSIVE_YES;
	snprintf(s->only, sizeof(s->only), "%s", saw->key);
	if (s->seen_n == 1) {
		s->exclusive = TT_EXCLUSIVE_UNDECIDED;
		snprintf(s->why, sizeof(s->why), "there are sensors in no other network");
	}
	for (unsigned i = 0; i < s->seen_n; i++) {
		const struct tt_seen *o = &s->seen[i];
		if (o == saw || s->exclusive == TT_EXCLUSIVE_UNDECIDED)
			continue;
		if (o->up_share < UP_LEAST) {
			s->exclusive = TT_EXCLUSIVE_UNDECIDED;
			snprintf(s->why, sizeof(s->why),
				"a sensor in %s was up only %.0f %% of the time", o->key,
				o->up_share * 100);
		} else if (o->expected < EXPECTED_LEAST) {
			s->exclusive = TT_EXCLUSIVE_UNDECIDED;
			char few[48] = "";
			if (o->addresses >= 0)
				snprintf(few, sizeof(few), "%.1f packets, ", o->expected);
			snprintf(s->why, sizeof(s->why), "%s would have seen %stoo few to miss",
				o->key, few);
		}
	}
}

static int fill_places(struct finder *f, struct tt_watch_surge *s) {
	struct tt_watch_counts c;
	int rc = tt_store_watch_read(f->s, f->name, s->from, s->to,
		1u << TT_WATCH_BY_NETWORK | 1u << TT_WATCH_BY_TRAIT, &c, f->err);
	if (!rc) {
		s->seen = calloc(c.part_n + 1, sizeof(*s->seen));
		s->traits = calloc(c.part_n + 1, sizeof(*s->traits));
		rc = s->seen && s->traits ? 0 : -ENOMEM;
		if (rc)
			tt_err_set(f->err, rc, "watch: %s", strerror(-rc));
	}
	for (unsigned i = 0; !rc && i < c.part_n; i++) {
		if (c.parts[i].by == TT_WATCH_BY_NETWORK) {
			fill_seen(f, s, &c.parts[i], &s->seen[s->seen_n++]);
		} else {
			s->traits[s->trait_n] = c.parts[i];
			s->traits[s->trait_n++].days = NULL;
		}
	}
	s->packets = c.whole.packets;
	s->sources = c.whole.sources;
	s->mean_size = c.whole.packets ? (double)c.whole.bytes / (double)c.whole.packets : 0;
	tt_watch_counts_free(&c);
	if (rc)
		return rc;
	expect(s);
	watch_judge(s);
	return 0;
}

static int add_surge(struct finder *f, const struct run *r) {
	struct tt_watch_result *out = f->out;
	struct tt_watch_surge *more =
		realloc(out->surges, (out->surge_n + 1) * sizeof(*out->surges));
	if (!more)
		return tt_err_set(f->err, -ENOMEM, "watch: %s", strerror(ENOMEM));
	out->surges = more;
	struct tt_watch_surge *s = &out->surges[out->surge_n++];
	struct tt_tz *tz = tt_store_tz(f->s);
	*s = (struct tt_watch_surge){.from = f->past.days[r->first].start,
		.days = r->last - r->first + 1,
		.level = r->level,
		.usual = r->usual};
	s->to = tt_tz_day_start(tz, tt_tz_day(tz, f->past.days[r->last].start) + 1);
	for (unsigned i = r->first; i <= r->last; i++) {
		if (i >= f->lead && f->days[i].odd > 0)
			out->surge_days[i - f->lead] = 1;
		if (f->days[i].value > (double)s->peak) {
			s->peak = (uint64_t)f->days[i].value;
			s->peak_day = f->past.days[i].start;
		}
	}
	return fill_places(f, s);
}

static int find_surges(struct finder *f) {
	struct tt_watch_result *out = f->out;
	const struct thresholds t = {.min_value = out->info.surge_min,
		.deviations = 3,
		.factor = out->info.surge_factor};
	struct run *runs;
	unsigned n;
	out->surge_days = calloc(out->counts.day_n + 1, 1);
	if (!out->surge_days)
		return tt_err_set(f->err, -ENOMEM, "watch: %s", strerror(ENOMEM));
	if (!out->info.has_surge || !f->days)
		return 0;
	int rc = usual_find(f->days, f->past.day_n, f->lead, &t, &runs, &n);
	if (rc)
		return tt_err_set(f->err, rc, "watch: %s", strerror(-rc));
	// days of a new level are not usual yet
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = runs[i].first; runs[i].level && j <= runs[i].last; j++)
			f->days[j].odd = 1;
	for (unsigned i = 0; !rc && i < n; i++)
		rc = add_surge(f, &runs[i]);
	free(runs);
	return rc;
}

// ---- the whole

// What of the period was there before the watch.
static void find_gap(struct tt_watch_result *out) {
	int64_t from = out->counts.from, to = out->counts.to;
	out->gap_from = out->info.missing_from > from ? out->info.missing_from : from;
	out->gap_to = out->info.missing_to < to ? out->info.missing_to : to;
}

int tt_watch_find(struct tt_store *s, const char *name, int64_t from, int64_t to,
	struct tt_watch_result *out, struct tt_err *err) {
	struct finder f = {.s = s, .name = name, .out = out, .err = err};
	*out = (struct tt_watch_result){0};
	snprintf(out->timezone, sizeof(out->timezone), "%s", tt_tz_name(tt_store_tz(s)));
	int rc = tt_store_watches(s, &out->list, err);
	for (unsigned i = 0; !rc && i < out->list.n; i++)
		if (!strcmp(out->list.watches[i].name, name))
			out->info = out->list.watches[i];
	if (!rc && !out->info.name[0])
		rc = tt_err_set(err, -ENOENT, "the database has no watch %s", name);
	if (!rc)
		rc = load_days(&f, from, to);
	if (!rc)
		rc = tt_store_rir(s, out->counts.from, out->counts.to, out->rir, err);
	if (!rc)
		find_gap(out);
	if (!rc)
		rc = find_surges(&f);
	if (!rc)
		rc = verdicts_count(s, out, err);
	tt_watch_counts_free(&f.past);
	free(f.days);
	if (rc)
		tt_watch_result_free(out);
	return rc;
}

void tt_watch_result_free(struct tt_watch_result *r) {
	for (unsigned i = 0; i < r->surge_n; i++) {
		free(r->surges[i].seen);
		free(r->surges[i].traits);
	}
	free(r->surges);
	free(r->surge_days);
	free(r->verdicts.products);
	tt_watch_counts_free(&r->counts);
	tt_watch_list_free(&r->list);
	*r = (struct tt_watch_result){0};
}
