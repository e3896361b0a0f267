/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "findings.h"
#include "report.h"

static json_t *number_or_null(bool known, uint64_t v) {
	return known ? json_integer((json_int_t)v) : json_null();
}

static json_t *share_or_null(double v) {
	return v >= 0 ? json_real(v) : json_null();
}

json_t *json_time_of(int64_t sec) {
	char text[TT_RFC3339_LEN];
	return json_string(tt_time_format(sec, text));
}

json_t *json_day_of(struct tt_tz *tz, int64_t sec) {
	char text[TT_RFC3339_LEN];
	return json_string(tt_day_format(tt_tz_day(tz, sec), text));
}

json_t *json_usual(const struct tt_usual *u) {
	if (!u->days)
		return json_null();
	return json_pack("{s:f, s:f, s:i}", "median", u->median, "deviation", u->deviation, "days",
		(int)u->days);
}

static json_t *day_json(struct tt_tz *tz, const struct tt_watch_day *d) {
	json_t *o = json_object();
	json_object_set_new(o, "day", json_day_of(tz, d->start));
	json_object_set_new(o, "packets", number_or_null(d->known, d->packets));
	json_object_set_new(o, "bytes", number_or_null(d->known, d->bytes));
	json_object_set_new(o, "sources", number_or_null(d->known, d->sources));
	json_object_set_new(
		o, "sources_error", d->known ? json_real(d->sources_error) : json_null());
	json_object_set_new(o, "completeness", share_or_null(d->completeness));
	return o;
}

static json_t *days_json(struct tt_tz *tz, const struct tt_watch_result *r) {
	json_t *list = json_array();
	for (unsigned i = 0; i < r->counts.day_n; i++) {
		const struct tt_watch_day *p = &r->counts.plain_days[i];
		json_t *o = day_json(tz, &r->counts.days[i]);
		json_object_set_new(o, "surge", json_boolean(r->surge_days[i]));
		if (r->info.has_plain) {
			json_object_set_new(
				o, "plain_packets", number_or_null(p->known, p->packets));
			json_object_set_new(
				o, "plain_sources", number_or_null(p->known, p->sources));
		}
		json_array_append_new(list, o);
	}
	return list;
}

static void set_addresses(json_t *o, double addresses, double address_days) {
	if (addresses < 0)
		return;
	json_object_set_new(o, "addresses", json_real(addresses));
	json_object_set_new(o, "address_days", json_real(address_days));
}

static json_t *part_json(struct tt_tz *tz, const struct tt_watch_part *p, unsigned day_n) {
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:f}", "key", p->key, "packets",
		(json_int_t)p->packets, "bytes", (json_int_t)p->bytes, "sources",
		(json_int_t)p->sources, "sources_error", p->sources_error);
	if (p->sensor_n) {
		json_object_set_new(o, "sensors", json_integer(p->sensor_n));
		set_addresses(o, p->addresses, p->address_days);
		json_object_set_new(o, "completeness", share_or_null(p->completeness));
	}
	if (p->days && day_n) {
		json_t *list = json_array();
		for (unsigned i = 0; i < day_n; i++)
			json_array_append_new(list, day_json(tz, &p->days[i]));
		json_object_set_new(o, "days", list);
	}
	return o;
}

static json_t *parts_json(struct tt_tz *tz, const struct tt_watch_result *r) {
	json_t *by = json_object();
	for (unsigned i = 0; i < r->counts.part_n; i++) {
		const struct tt_watch_part *p = &r->counts.parts[i];
		json_t *list = json_object_get(by, tt_watch_by_name(p->by));
		if (!list) {
			list = json_array();
			json_object_set_new(by, tt_watch_by_name(p->by), list);
		}
		json_array_append_new(list, part_json(tz, p, r->counts.day_n));
	}
	return by;
}

static json_t *seen_json(const struct tt_watch_surge *s) {
	json_t *list = json_array();
	for (unsigned i = 0; i < s->seen_n; i++) {
		const struct tt_seen *x = &s->seen[i];
		json_t *o = json_pack("{s:s}", "network", x->key);
		set_addresses(o, x->addresses, x->address_days);
		json_object_set_new(o, "up", json_real(x->up_share));
		json_object_set_new(
			o, "expected", x->expected < 0 ? json_null() : json_real(x->expected));
		json_object_set_new(o, "seen", json_integer((json_int_t)x->seen));
		json_object_set_new(o, "saw", json_boolean(x->saw));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *surge_json(struct tt_tz *tz, const struct tt_watch_surge *s) {
	static const char *const verdicts[] = {"no", "yes", "undecided"};
	json_t *o = json_object(), *traits = json_array();
	json_object_set_new(o, "from", json_day_of(tz, s->from));
	json_object_set_new(o, "to", json_day_of(tz, s->to));
	json_object_set_new(o, "days", json_integer(s->days));
	json_object_set_new(o, "peak_day", json_day_of(tz, s->peak_day));
	json_object_set_new(o, "peak", json_integer((json_int_t)s->peak));
	json_object_set_new(o, "packets", json_integer((json_int_t)s->packets));
	json_object_set_new(o, "sources", json_integer((json_int_t)s->sources));
	json_object_set_new(o, "mean_size", json_real(s->mean_size));
	json_object_set_new(o, "usual", json_usual(&s->usual));
	json_object_set_new(o, "exclusive", json_string(verdicts[s->exclusive]));
	json_object_set_new(o, "only", s->only[0] ? json_string(s->only) : json_null());
	json_object_set_new(o, "why", s->why[0] ? json_string(s->why) : json_null());
	json_object_set_new(o, "networks", seen_json(s));
	for (unsigned i = 0; i < s->trait_n; i++) {
		const struct tt_watch_part *t = &s->traits[i];
		json_array_append_new(
			traits, json_pack("{s:s, s:I, s:f, s:I}", "trait", t->key, "packets",
					(json_int_t)t->packets, "share",
					s->packets ? (double)t->packets / (double)s->packets : 0.0,
					"sources", (json_int_t)t->sources));
	}
	json_object_set_new(o, "traits", traits);
	return o;
}

static json_t *verdicts_json(const struct tt_watch_verdicts *v) {
	json_t *products = json_array();
	for (unsigned i = 0; i < v->product_n; i++)
		json_array_append_new(
			products, json_pack("{s:s, s:I}", "product", v->products[i].name, "sources",
					  (json_int_t)v->products[i].sources));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "annotated", (json_int_t)v->annotated, "open",
		(json_int_t)v->open, "closed", (json_int_t)v->closed, "unknown",
		(json_int_t)v->unknown, "products", products);
}

static json_t *plain_json(const struct tt_watch_result *r) {
	char proto[8], text[32];
	if (!r->info.has_plain)
		return json_null();
	snprintf(text, sizeof(text), "%s/%u", tt_proto_format(r->info.plain_proto, proto),
		r->info.plain_port);
	return json_pack("{s:s, s:I, s:I}", "source_port", text, "packets",
		(json_int_t)r->counts.plain.packets, "sources",
		(json_int_t)r->counts.plain.sources);
}

json_t *tt_watch_json(struct tt_store *s, const struct tt_watch_result *r) {
	struct tt_tz *tz = tt_store_tz(s);
	static const char *const measures[] = {"packets", "bytes", "sources"};
	const struct tt_watch_counts *c = &r->counts;
	bool span = c->from < c->to;
	json_t *o = json_object(), *surges = json_array();
	json_object_set_new(o, "watch", json_string(r->info.name));
	json_object_set_new(o, "title",
		json_pack("{s:s, s:s}", "en", r->info.title_en, "ja", r->info.title_ja));
	json_object_set(
		o, "class", json_object_get(json_object_get(r->info.settings, "where"), "class"));
	json_object_set_new(o, "from", span ? json_time_of(c->from) : json_null());
	json_object_set_new(o, "to", span ? json_time_of(c->to) : json_null());
	json_object_set_new(o, "timezone", json_string(r->timezone));
	json_object_set_new(o, "completeness", share_or_null(c->completeness));
	json_object_set_new(o, "rir", r->rir[0] ? json_string(r->rir) : json_null());
	json_object_set_new(o, "sources_lower_bound", json_boolean(c->lower_bound));
	json_object_set(o, "surveyors", json_object_get(r->info.settings, "surveyors"));
	json_object_set_new(o, "surveyor_days", survey_days_json(&c->survey));
	json_object_set_new(o, "measure", json_string(measures[r->info.measure]));
	json_object_set_new(
		o, "country", r->info.country[0] ? json_string(r->info.country) : json_null());
	json_object_set_new(o, "not_counted",
		r->gap_from < r->gap_to ? json_pack("{s:o, s:o}", "from", json_time_of(r->gap_from),
						  "to", json_time_of(r->gap_to))
					: json_null());
	json_object_set_new(o, "packets", json_integer((json_int_t)c->whole.packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c->whole.bytes));
	json_object_set_new(o, "sources", json_integer((json_int_t)c->whole.sources));
	json_object_set_new(o, "sources_error", json_real(c->whole.sources_error));
	json_object_set_new(o, "plain", plain_json(r));
	json_object_set_new(o, "days", days_json(tz, r));
	json_object_set_new(o, "by", parts_json(tz, r));
	for (unsigned i = 0; i < r->surge_n; i++)
		json_array_append_new(surges, surge_json(tz, &r->surges[i]));
	json_object_set_new(o, "surges", surges);
	json_object_set_new(o, "verdicts", verdicts_json(&r->verdicts));
	return o;
}
