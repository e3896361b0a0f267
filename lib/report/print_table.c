/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "tt_knowledge.h"
#include "tt_region.h"

#define CLOCK_LINES 3 // of steps of clocks above a table

struct tt_grid {
	unsigned cols;
	size_t n, cap; // cells
	char **cells;
	bool left[TT_GRID_COLS];
	int rc;
};

struct tt_grid *tt_grid_create(unsigned cols) {
	if (!cols || cols > TT_GRID_COLS) {
		errno = EINVAL;
		return NULL;
	}
	struct tt_grid *g = calloc(1, sizeof(*g));
	if (g)
		g->cols = cols;
	return g;
}

void tt_grid_destroy(struct tt_grid **g) {
	if (!*g)
		return;
	for (size_t i = 0; i < (*g)->n; i++)
		free((*g)->cells[i]);
	free((*g)->cells);
	free(*g);
	*g = NULL;
}

void tt_grid_left(struct tt_grid *g, unsigned col) {
	g->left[col] = true;
}

void tt_grid_add(struct tt_grid *g, const char *text) {
	if (g->rc)
		return;
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		char **cells = realloc(g->cells, cap * sizeof(*cells));
		if (!cells) {
			g->rc = -ENOMEM;
			return;
		}
		g->cells = cells;
		g->cap = cap;
	}
	g->cells[g->n] = strdup(text);
	if (!g->cells[g->n])
		g->rc = -ENOMEM;
	else
		g->n++;
}

// Characters, not bytes: continuation bytes of UTF-8 take no place.
static unsigned text_width(const char *s) {
	unsigned n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_row(const struct tt_grid *g, size_t at, const unsigned *width, FILE *out) {
	for (unsigned i = 0; i < g->cols; i++) {
		const char *text = g->cells[at + i];
		int pad = (int)(width[i] - text_width(text));
		bool last = i + 1 == g->cols;
		if (g->left[i])
			fprintf(out, "%s%*s", text, last ? 0 : pad, "");
		else
			fprintf(out, "%*s%s", pad, "", text);
		fputs(last ? "\n" : "  ", out);
	}
}

int tt_grid_print(struct tt_grid *g, FILE *out) {
	unsigned width[TT_GRID_COLS] = {0};
	if (g->rc)
		return g->rc;
	for (size_t i = 0; i < g->n; i++) {
		unsigned w = text_width(g->cells[i]);
		if (w > width[i % g->cols])
			width[i % g->cols] = w;
	}
	for (size_t at = 0; at + g->cols <= g->n; at += g->cols)
		print_row(g, at, width, out);
	return 0;
}

static void add_filters(const struct tt_query *q, struct tt_buf *b) {
	char text[TT_PREFIX_STRLEN], proto[8];
	const struct {
		const char *name, *value;
	} names[] = {{"region", q->region}, {"country", q->country}, {"sensor", q->sensor},
		{"group", q->group}, {"network", q->network}};
	bool by_class = q->by == TT_BY_CLASS;
	const uint32_t all = (1u << (by_class ? TT_CLASS_N : TT_OBSERVED_CLASS_N)) - 1;
	bool some = (q->classes & all) != all;
	const char *sep = ": class ";
	for (int c = 0; c < TT_CLASS_N && some; c++)
		if (q->classes & 1u << c) {
			tt_buf_printf(b, "%s%s", sep, tt_class_name(c));
			sep = ",";
		}
	if (!some && !by_class)
		tt_buf_printf(b, ": all classes");
	if (q->has_port && tt_proto_is_icmp(q->proto))
		tt_buf_printf(b, ", port %s/%u/%u", tt_proto_format(q->proto, proto), q->port >> 8,
			q->port & 0xff);
	else if (q->has_port)
		tt_buf_printf(b, ", port %s/%u", tt_proto_format(q->proto, proto), q->port);
	if (q->set)
		tt_buf_printf(b, ", services that %s asks for", q->set->name);
	if (q->has_source)
		tt_buf_printf(b, ", source %s", tt_prefix_format(&q->source, text));
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].value && names[i].value[0])
			tt_buf_printf(b, ", %s %s", names[i].name, names[i].value);
	if (q->asn)
		tt_buf_printf(b, ", AS%u", q->asn);
	if (q->tool >= 0)
		tt_buf_printf(b, ", tool %s", tt_tool_name(q->tool));
	if (q->family)
		tt_buf_printf(b, ", IPv%d", q->family);
	if (q->surveyors != TT_SURVEYORS_WITH)
		tt_buf_printf(b, ", surveyors %s",
			q->surveyors == TT_SURVEYORS_ONLY ? "only" : "left out");
}

// Special-purpose addresses have no region, and nobody answers to them.
static void print_bogons(const struct top_view *t, FILE *out) {
	char text[TT_SHOW_LEN];
	for (unsigned i = 0; i < t->ranking->n; i++) {
		const struct tt_row *r = t->ranking->rows[i].row;
		if (t->view.by == TT_BY_REGION && r->bogon_packets)
			fprintf(out,
				"-- holds %s packets from bogons (special-purpose addresses).\n",
				tt_show_count(r->bogon_packets, text));
	}
}

void print_survey_days(const struct tt_survey_days *d, FILE *out) {
	if (d->running > 0)
		fprintf(out,
			"Surveyors by behaviour: %u days are settled; %u are not over, and who "
			"probes many ports on them may change.\n",
			d->settled, d->running);
	if (d->listed > 0)
		fprintf(out,
			"Surveyors on %u days are those on lists: who probed many ports was not "
			"settled, and raw observations do not cover them.\n",
			d->listed);
}

json_t *survey_days_json(const struct tt_survey_days *d) {
	return json_pack("{s:i, s:i, s:i}", "settled", (int)d->settled, "running", (int)d->running,
		"listed", (int)d->listed);
}

// Whoever compares counts over time has to know where time itself did not simply go on.
static void print_clock_steps(const struct tt_clock_steps *c, FILE *out) {
	char before[TT_SHOW_LEN], by[TT_SHOW_LEN];
	unsigned n = c->n < CLOCK_LINES ? c->n : CLOCK_LINES;
	for (unsigned i = 0; i < n; i++) {
		const struct tt_clock_step *x = &c->steps[i];
		bool back = x->after < x->before;
		fprintf(out, "The clock of %s %s by %s s at %s: %s.\n", x->probe,
			back ? "was set back" : "went on",
			tt_show_count((uint64_t)llabs(x->after - x->before), by),
			tt_show_time(x->before, before),
			back ? "that time came twice, and counts once as up-time"
			     : "nothing is known of that while");
	}
	if (c->n > n || c->other > 0)
		fprintf(out, "Clocks did not simply go on %s more times.\n",
			tt_show_count(c->n - n + c->other, by));
}

const char *surveyors_name(enum tt_surveyors v) {
	return v == TT_SURVEYORS_ONLY ? "only" : v == TT_SURVEYORS_WITHOUT ? "without" : "with";
}

void print_head(const struct top_view *t, const char *what, FILE *out) {
	const struct tt_result *res = t->result;
	struct tt_buf b = TT_BUF_INIT(4096);
	char from[TT_SHOW_LEN], to[TT_SHOW_LEN], share[TT_SHOW_LEN];
	add_filters(&t->conf->query, &b);
	fprintf(out, "%s%s\n", what, b.len ? (char *)b.data : "");
	tt_buf_free(&b);
	if (res->from == res->to)
		fprintf(out, "no data (%s)", t->timezone);
	else
		fprintf(out, "%s to %s (%s)", tt_show_time(res->from, from),
			tt_show_time(res->to, to), t->timezone);
	if (res->completeness >= 0)
		fprintf(out, ", completeness %s%s", tt_show_share(res->completeness, share),
			res->completeness < COMPLETE_LEAST ? ", incomplete" : "");
	else
		fputs(", no sensor was up", out);
	if (res->rir_date[0])
		fprintf(out, ", regions of %s", res->rir_date);
	fputc('\n', out);
	if (res->sources_lower_bound)
		fputs("Sources are lower bounds: some packets were counted without their source "
		      "(flow table full).\n",
			out);
	if (res->rest_packets > 0)
		fprintf(out,
			"Rollups were full: %" PRIu64 " packets (mixed) may belong to any port.\n",
			res->rest_packets);
	print_survey_days(&res->survey, out);
	print_clock_steps(&res->clock, out);
	print_bogons(t, out);
	if (t->view.by == TT_BY_MALWARE)
		fputs("Counted are packets to the services that a family is known to target, "
		      "whoever sent them; a service of several counts for each.\n",
			out);
	fputc('\n', out);
}

static const char *const key_titles[] = {[TT_BY_PORT] = "port",
	[TT_BY_DPORT] = "port",
	[TT_BY_REGION] = "region",
	[TT_BY_SENSOR] = "sensor",
	[TT_BY_SOURCE] = "source",
	[TT_BY_ASN] = "AS",
	[TT_BY_CLASS] = "class",
	[TT_BY_TOOL] = "tool",
	[TT_BY_MALWARE] = "malware",
	[TT_BY_NONE] = ""};
static const char *const value_titles[] = {
	"packets", "sources", "bytes", "rate", "median rate", "top sensor", "top source"};
#define VALUE_N (sizeof(value_titles) / sizeof(*value_titles))

static bool is_ports(enum tt_by by) {
	return by == TT_BY_PORT || by == TT_BY_DPORT;
}

static unsigned add_titles(struct tt_grid *g, const struct top_view *t) {
	enum tt_by by = t->view.by;
	unsigned n = 0;
	tt_grid_add(g, "rank");
	n++;
	if (t->conf->previous) {
		tt_grid_add(g, "previous");
		n++;
	}
	tt_grid_left(g, n++);
	tt_grid_add(g, key_titles[by]);
	if (is_ports(by)) {
		tt_grid_left(g, n++);
		tt_grid_add(g, "service");
	}
	if (by == TT_BY_SOURCE) {
		tt_grid_left(g, n++);
		tt_grid_add(g, "region");
		tt_grid_left(g, n++);
		tt_grid_add(g, "AS");
	}
	if (by == TT_BY_ASN || by == TT_BY_MALWARE) {
		tt_grid_left(g, n++);
		tt_grid_add(g, by == TT_BY_ASN ? "name" : "services");
	}
	if (by == TT_BY_TOOL) {
		tt_grid_add(g, "matches");
		tt_grid_add(g, "confidence");
		n += 2;
	}
	for (unsigned i = 0; i < VALUE_N; i++)
		tt_grid_add(g, value_titles[i]);
	n += VALUE_N;
	if (is_ports(by) && t->view.kev) {
		tt_grid_left(g, n++);
		tt_grid_add(g, "exploited");
	}
	return n;
}

// How many packets kept to the tool's rule, of those of the sources that it marks, and how sure
// that is; rollups do not know.
static void add_verdict(struct tt_grid *g, const struct tt_row *r) {
	char k[TT_SHOW_LEN], n[TT_SHOW_LEN], text[2 * TT_SHOW_LEN + 8];
	snprintf(text, sizeof(text), "%s of %s", tt_show_count(r->tool_matches, k),
		tt_show_count(r->tool_tested, n));
	tt_grid_add(g, r->from_raw ? text : "-");
	tt_grid_add(g, r->from_raw ? tt_show_share(r->tool_confidence, k) : "-");
}

static void add_key(struct tt_grid *g, const struct top_view *t, const struct ranked *r) {
	struct cell c;
	char text[TT_SHOW_LEN];
	snprintf(text, sizeof(text), "%u", r->rank);
	tt_grid_add(g, r->rank ? text : "-");
	if (t->conf->previous) {
		snprintf(text, sizeof(text), "%u", r->previous_rank);
		tt_grid_add(g, r->previous == PREVIOUS_RANK	 ? text
			       : r->previous == PREVIOUS_OUTSIDE ? "outside top 10"
								 : "-");
	}
	key_label(t->view.by, &r->row->key, &c);
	tt_grid_add(g, c.text);
	if (is_ports(t->view.by)) {
		const char *name = r->row->key.mixed ? NULL
						     : tt_services_name(t->view.services,
							       r->row->key.proto, r->row->key.port);
		tt_grid_add(g, name ? name : "");
	}
	if (t->view.by == TT_BY_ASN) {
		char name[64];
		tt_grid_add(g, t->view.store && tt_store_as_name(t->view.store, r->row->key.asn,
							name, sizeof(name))
				       ? name
				       : "");
	}
	if (t->view.by == TT_BY_MALWARE) {
		malware_services(r->row->key.set, &c);
		tt_grid_add(g, c.text);
	}
	if (t->view.by == TT_BY_TOOL)
		add_verdict(g, r->row);
	if (t->view.by == TT_BY_SOURCE) {
		bool bogon = tt_region_special(r->row->key.source.family, r->row->key.source.b);
		tt_grid_add(g, bogon ? "bogon" : r->row->region[0] ? r->row->region : "--");
		snprintf(text, sizeof(text), "AS%u", r->row->asn);
		tt_grid_add(g, r->row->asn ? text : "");
	}
}

// More than half of a row by one sensor or source is marked.
static void add_share(struct tt_grid *g, double share) {
	char text[TT_SHOW_LEN], marked[TT_SHOW_LEN + 2];
	snprintf(marked, sizeof(marked), "%s%s", share > HALF ? "* " : "",
		tt_show_share(share, text));
	tt_grid_add(g, marked);
}

// Rollups know bounds: "31-42 %", with a question mark where it may be more than half.
static void add_source(struct tt_grid *g, const struct tt_row *r) {
	double least = r->top_source_share, most = r->top_source_share_max;
	char text[TT_SHOW_LEN];
	if (!r->has_sources || least < 0 || most - least < 0.0005) {
		add_share(g, r->has_sources ? least : -1);
		return;
	}
	snprintf(text, sizeof(text), "%s%.0f-%.0f %%",
		least > HALF  ? "* "
		: most > HALF ? "? "
			      : "",
		floor(least * 100), ceil(most * 100));
	tt_grid_add(g, text);
}

static void add_values(struct tt_grid *g, const struct tt_row *r) {
	char text[TT_SHOW_LEN], about[TT_SHOW_LEN + 1];
	tt_grid_add(g, tt_show_count(r->packets, text));
	snprintf(about, sizeof(about), "%s%s", r->sources_error > 0 ? "~" : "",
		tt_show_count(r->sources, text));
	tt_grid_add(g, r->has_sources ? about : "-");
	tt_grid_add(g, tt_show_bytes(r->bytes, text));
	tt_grid_add(g, r->has_rate ? show_rate(r->rate, text) : "-");
	tt_grid_add(g, r->has_rate ? show_rate(r->median_rate, text) : "-");
	add_share(g, r->has_sources ? r->top_sensor_share : -1);
	add_source(g, r);
}

// "2 CVEs, last 2024-11-20": what was published about the service.
static void add_exploited(struct tt_grid *g, const struct top_view *t, const struct ranked *r) {
	const struct tt_kev_entry *last = NULL;
	char text[64] = "";
	unsigned n = r->row->key.mixed
			     ? 0
			     : tt_service_exploited(t->view.services, t->view.kev,
				       r->row->key.proto, r->row->key.port, NULL, NULL, &last, 1);
	if (n)
		snprintf(
			text, sizeof(text), "%u CVE%s, last %s", n, n == 1 ? "" : "s", last->added);
	tt_grid_add(g, text);
}

int print_top_table(const struct top_view *t, FILE *out) {
	static const char *const plural[] = {[TT_BY_PORT] = "ports",
		[TT_BY_DPORT] = "destination ports",
		[TT_BY_REGION] = "source regions",
		[TT_BY_SENSOR] = "sensors",
		[TT_BY_SOURCE] = "sources",
		[TT_BY_ASN] = "source ASes",
		[TT_BY_CLASS] = "classes",
		[TT_BY_TOOL] = "tools",
		[TT_BY_MALWARE] = "malware families"};
	char what[64];
	snprintf(what, sizeof(what), "Top %s by %s", plural[t->view.by], rank_name(t->conf->rank));
	print_head(t, what, out);
	struct tt_grid *probe = tt_grid_create(TT_GRID_COLS);
	if (!probe)
		return -ENOMEM;
	unsigned cols = add_titles(probe, t);
	tt_grid_destroy(&probe);
	struct tt_grid *g = tt_grid_create(cols);
	if (!g)
		return -ENOMEM;
	add_titles(g, t);
	for (unsigned i = 0; i < t->ranking->n; i++) {
		add_key(g, t, &t->ranking->rows[i]);
		add_values(g, t->ranking->rows[i].row);
		if (is_ports(t->view.by) && t->view.kev)
			add_exploited(g, t, &t->ranking->rows[i]);
	}
	int rc = t->ranking->n ? tt_grid_print(g, out) : 0;
	if (!t->ranking->n)
		fputs("no packets\n", out);
	tt_grid_destroy(&g);
	return rc;
}
