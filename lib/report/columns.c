/* SPDX-License-Identifier: BSD-3-Clause */
// One table says which columns a row has by what it is asked: JSON and CSV come from it.
#include <string.h>

#include "report.h"
#include "tt_knowledge.h"
#include "tt_region.h"

static void fill_rank(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->rank)
		cell_uint(c, r->rank);
}

static void fill_previous(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->previous == PREVIOUS_RANK)
		cell_uint(c, r->previous_rank);
	else if (r->previous == PREVIOUS_OUTSIDE)
		cell_text(c, "outside");
}

static bool is_icmp(const struct ranked *r) {
	return !r->row->key.mixed && tt_proto_is_icmp(r->row->key.proto);
}

static void fill_proto(const struct view *v, const struct ranked *r, struct cell *c) {
	char buf[8];
	if (!r->row->key.mixed)
		cell_text(c, tt_proto_format(r->row->key.proto, buf));
}

static void fill_port(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->key.mixed)
		cell_text(c, "mixed");
	else if (!is_icmp(r)) // null: scripts find the key in every row
		cell_uint(c, r->row->key.port);
}

static void fill_type(const struct view *v, const struct ranked *r, struct cell *c) {
	c->kind = CELL_ABSENT;
	if (is_icmp(r))
		r->row->key.all_types ? cell_text(c, NULL) : cell_uint(c, r->row->key.port >> 8);
}

static void fill_code(const struct view *v, const struct ranked *r, struct cell *c) {
	c->kind = CELL_ABSENT;
	if (is_icmp(r))
		r->row->key.all_types ? cell_text(c, NULL) : cell_uint(c, r->row->key.port & 0xff);
}

static void fill_service(const struct view *v, const struct ranked *r, struct cell *c) {
	if (!r->row->key.mixed)
		cell_text(c, tt_services_name(v->services, r->row->key.proto, r->row->key.port));
}

static const struct tt_kev_entry *exploited(
	const struct view *v, const struct ranked *r, unsigned *n) {
	const struct tt_kev_entry *last = NULL;
	*n = r->row->key.mixed ? 0
			       : tt_service_exploited(v->services, v->kev, r->row->key.proto,
					 r->row->key.port, NULL, NULL, &last, 1);
	return last;
}

static void fill_exploited(const struct view *v, const struct ranked *r, struct cell *c) {
	unsigned n;
	exploited(v, r, &n);
	cell_uint(c, n);
}

static void fill_exploited_last(const struct view *v, const struct ranked *r, struct cell *c) {
	unsigned n;
	const struct tt_kev_entry *e = exploited(v, r, &n);
	if (e)
		cell_text(c, e->added);
}

static void fill_region(const struct view *v, const struct ranked *r, struct cell *c) {
	const char *region = v->by == TT_BY_REGION ? r->row->key.region : r->row->region;
	cell_text(c, region[0] ? region : "--");
}

static void fill_bogon(const struct view *v, const struct ranked *r, struct cell *c) {
	const struct tt_addr *a = &r->row->key.source;
	if (a->family)
		*c = (struct cell){.kind = CELL_BOOL, .u = tt_region_special(a->family, a->b)};
}

static void fill_bogon_packets(const struct view *v, const struct ranked *r, struct cell *c) {
	c->kind = strcmp(r->row->key.region, "--") ? CELL_ABSENT : CELL_NULL;
	if (c->kind == CELL_NULL && r->row->from_raw)
		cell_uint(c, r->row->bogon_packets);
}

static void fill_matches(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->from_raw)
		cell_uint(c, r->row->tool_matches);
}

static void fill_of(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->from_raw)
		cell_uint(c, r->row->tool_tested);
}

static void fill_confidence(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->from_raw)
		cell_real(c, r->row->tool_confidence);
}

static void fill_sensor(const struct view *v, const struct ranked *r, struct cell *c) {
	cell_text(c, r->row->key.sensor);
}

static void fill_source(const struct view *v, const struct ranked *r, struct cell *c) {
	char buf[TT_ADDR_STRLEN];
	if (r->row->key.source.family)
		cell_text(c, tt_addr_format(&r->row->key.source, buf));
}

static void fill_asn(const struct view *v, const struct ranked *r, struct cell *c) {
	uint32_t asn = v->by == TT_BY_ASN ? r->row->key.asn : r->row->asn;
	if (asn)
		cell_uint(c, asn);
}

static void fill_as_name(const struct view *v, const struct ranked *r, struct cell *c) {
	uint32_t asn = v->by == TT_BY_ASN ? r->row->key.asn : r->row->asn;
	if (asn && v->store && tt_store_as_name(v->store, asn, c->text, sizeof(c->text)))
		c->kind = CELL_TEXT;
}

static void fill_class(const struct view *v, const struct ranked *r, struct cell *c) {
	cell_text(c, tt_class_name(r->row->key.class));
}

static void fill_tool(const struct view *v, const struct ranked *r, struct cell *c) {
	cell_text(c, tt_tool_name(r->row->key.tool));
}

static void fill_malware(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->key.set)
		cell_text(c, r->row->key.set->name);
}

void malware_services(const struct tt_service_set *set, struct cell *c) {
	char proto[8], one[32], text[sizeof(c->text)] = "";
	for (unsigned i = 0; set && i < set->service_n; i++) {
		const struct tt_service *s = &set->services[i];
		size_t at = strlen(text), room = sizeof(text) - at;
		snprintf(one, sizeof(one), "%s%s/%u", at ? " " : "",
			tt_proto_format(s->proto, proto), s->port);
		if (strlen(one) + 5 > room) { // " ..." has to fit behind it
			snprintf(text + at, room, " ...");
			break;
		}
		snprintf(text + at, room, "%s", one);
	}
	cell_text(c, text);
}

static void fill_services(const struct view *v, const struct ranked *r, struct cell *c) {
	malware_services(r->row->key.set, c);
}

static void fill_packets(const struct view *v, const struct ranked *r, struct cell *c) {
	cell_uint(c, r->row->packets);
}

static void fill_bytes(const struct view *v, const struct ranked *r, struct cell *c) {
	cell_uint(c, r->row->bytes);
}

static void fill_sources(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_sources)
		cell_uint(c, r->row->sources);
}

static void fill_sources_error(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_sources)
		cell_real(c, r->row->sources_error);
}

static void fill_rate(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_rate)
		cell_real(c, r->row->rate);
}

static void fill_median_rate(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_rate)
		cell_real(c, r->row->median_rate);
}

static void fill_top_sensor(const struct view *v, const struct ranked *r, struct cell *c) {
	// packets without a source were not assigned to a sensor either
	if (r->row->has_sources && r->row->top_sensor_share >= 0)
		cell_real(c, r->row->top_sensor_share);
}

static void fill_top_source(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_sources && r->row->top_source_share >= 0)
		cell_real(c, r->row->top_source_share);
}

static void fill_top_source_max(const struct view *v, const struct ranked *r, struct cell *c) {
	if (r->row->has_sources && r->row->top_source_share_max >= 0)
		cell_real(c, r->row->top_source_share_max);
}

#define BY(x)	 (1u << TT_BY_##x)
#define BY_PORTS (BY(PORT) | BY(DPORT))
#define BY_ALL	 0xffffffffu
#define KEY	 true
#define VALUE	 false

static const struct {
	struct column column;
	unsigned by; // bit 1 << enum tt_by: where the column is
	bool key;
} table[] = {
	{{"rank", fill_rank}, BY_ALL, VALUE},
	{{"previous_rank", fill_previous}, BY_ALL, VALUE},
	{{"proto", fill_proto}, BY_PORTS, KEY},
	{{"port", fill_port}, BY_PORTS, KEY},
	{{"type", fill_type}, BY_PORTS, KEY},
	{{"code", fill_code}, BY_PORTS, KEY},
	{{"service", fill_service}, BY_PORTS, VALUE},
	{{"exploited", fill_exploited}, BY_PORTS, VALUE},
	{{"exploited_last", fill_exploited_last}, BY_PORTS, VALUE},
	{{"sensor", fill_sensor}, BY(SENSOR), KEY},
	{{"source", fill_source}, BY(SOURCE), KEY},
	{{"region", fill_region}, BY(REGION), KEY},
	{{"region", fill_region}, BY(SOURCE), VALUE},
	{{"asn", fill_asn}, BY(ASN), KEY},
	{{"asn", fill_asn}, BY(SOURCE), VALUE},
	{{"as_name", fill_as_name}, BY(ASN) | BY(SOURCE), VALUE},
	{{"bogon", fill_bogon}, BY(SOURCE), VALUE},
	{{"bogon_packets", fill_bogon_packets}, BY(REGION), VALUE},
	{{"class", fill_class}, BY(CLASS), KEY},
	{{"tool", fill_tool}, BY(TOOL), KEY},
	{{"matches", fill_matches}, BY(TOOL), VALUE},
	{{"of", fill_of}, BY(TOOL), VALUE},
	{{"confidence", fill_confidence}, BY(TOOL), VALUE},
	{{"malware", fill_malware}, BY(MALWARE), KEY},
	{{"services", fill_services}, BY(MALWARE), VALUE},
	{{"packets", fill_packets}, BY_ALL, VALUE},
	{{"bytes", fill_bytes}, BY_ALL, VALUE},
	{{"sources", fill_sources}, BY_ALL, VALUE},
	{{"sources_error", fill_sources_error}, BY_ALL, VALUE},
	{{"rate", fill_rate}, BY_ALL, VALUE},
	{{"median_rate", fill_median_rate}, BY_ALL, VALUE},
	{{"top_sensor_share", fill_top_sensor}, BY_ALL, VALUE},
	{{"top_source_share", fill_top_source}, BY_ALL, VALUE},
	{{"top_source_share_max", fill_top_source_max}, BY_ALL, VALUE},
};
#define TABLE_N (sizeof(table) / sizeof(*table))
_Static_assert(TABLE_N <= COLUMN_MAX, "room for all columns");

unsigned columns_top(enum tt_by by, bool previous, bool kev, const struct column **out) {
	unsigned n = 0;
	for (unsigned i = 0; i < TABLE_N; i++) {
		const struct column *c = &table[i].column;
		bool of_kev = c->fill == fill_exploited || c->fill == fill_exploited_last;
		if (table[i].by & 1u << by && (previous || c->fill != fill_previous) &&
			(kev || !of_kev))
			out[n++] = c;
	}
	return n;
}

unsigned columns_key(enum tt_by by, const struct column **out) {
	unsigned n = 0;
	for (unsigned i = 0; i < TABLE_N; i++)
		if (table[i].key && table[i].by & 1u << by)
			out[n++] = &table[i].column;
	return n;
}

static void label_port(const struct tt_row_key *k, struct cell *c) {
	char proto[8], text[32];
	if (k->mixed) {
		cell_text(c, "mixed");
		return;
	}
	tt_proto_format(k->proto, proto);
	if (k->all_types)
		snprintf(text, sizeof(text), "%s", proto);
	else if (tt_proto_is_icmp(k->proto))
		snprintf(text, sizeof(text), "%s/%u/%u", proto, k->port >> 8, k->port & 0xff);
	else if (k->proto == 6 || k->proto == 17)
		snprintf(text, sizeof(text), "%s/%u", proto, k->port);
	else
		snprintf(text, sizeof(text), "protocol %s", proto);
	cell_text(c, text);
}

void key_label(enum tt_by by, const struct tt_row_key *k, struct cell *c) {
	const struct column *cols[COLUMN_MAX];
	struct view v = {.by = by};
	struct tt_row row = {.key = *k};
	struct ranked r = {.row = &row};
	memset(c, 0, sizeof(*c));
	c->kind = CELL_NULL;
	if (by == TT_BY_PORT || by == TT_BY_DPORT) {
		label_port(k, c);
		return;
	}
	if (!columns_key(by, cols)) {
		cell_text(c, "all");
		return;
	}
	cols[0]->fill(&v, &r, c);
	if (c->kind == CELL_NULL)
		cell_text(c, "--");
	if (c->kind == CELL_UINT) {
		char text[16];
		snprintf(text, sizeof(text), "AS%u", (unsigned)c->u);
		cell_text(c, text);
	}
}

const char *by_name(enum tt_by by) {
	static const char *const names[] = {[TT_BY_PORT] = "port",
		[TT_BY_DPORT] = "dport",
		[TT_BY_REGION] = "region",
		[TT_BY_SENSOR] = "sensor",
		[TT_BY_SOURCE] = "source",
		[TT_BY_ASN] = "asn",
		[TT_BY_CLASS] = "class",
		[TT_BY_TOOL] = "tool",
		[TT_BY_MALWARE] = "malware"};
	return (unsigned)by < sizeof(names) / sizeof(*names) ? names[by] : NULL;
}

const char *rank_name(enum tt_rank rank) {
	return rank == TT_RANK_RATE ? "rate" : rank == TT_RANK_SOURCES ? "sources" : "packets";
}
