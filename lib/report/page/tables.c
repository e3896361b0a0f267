/* SPDX-License-Identifier: BSD-3-Clause */
// The tables and figures of the document as CSV (RFC 4180).
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page.h"
#include "tt_file.h"

#define VALUES                                                                                     \
	"packets", "bytes", "sources", "sources_error", "rate", "median_rate", "top_sensor_share", \
		"top_source_share", "top_source_share_max"
#define SERVICE "proto", "port", "type", "code", "service"

// What a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV Injection).
static void csv_text(FILE *out, const char *text) {
	bool formula = strchr("=+@\t\r", text[0]) || (text[0] == '-' && strcmp(text, "--"));
	char *safe;
	if (!text[0] || !formula) {
		tt_print_csv_text(out, text);
		return;
	}
	if (asprintf(&safe, "'%s", text) < 0)
		return;
	tt_print_csv_text(out, safe);
	free(safe);
}

static void csv_value(FILE *out, const json_t *v) {
	if (json_is_integer(v))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		fprintf(out, "%.15g", json_real_value(v));
	else if (json_is_string(v))
		csv_text(out, json_string_value(v));
	else if (json_is_boolean(v))
		fputc(json_is_true(v) ? '1' : '0', out);
	else if (json_is_object(v))
		csv_text(out, bilingual_text(TT_EN, v));
}

// "usual.median" is a member of a member.
static const json_t *member(const json_t *row, const char *column) {
	const char *dot = strchr(column, '.');
	char outer[32];
	if (!dot)
		return json_object_get(row, column);
	snprintf(outer, sizeof(outer), "%.*s", (int)(dot - column), column);
	return json_object_get(json_object_get(row, outer), dot + 1);
}

static void csv_row(FILE *out, const char *const *columns, const json_t *row, const json_t *more) {
	for (unsigned i = 0; columns[i]; i++) {
		const json_t *v = member(row, columns[i]);
		if (i)
			fputc(',', out);
		csv_value(out, v ? v : json_object_get(more, columns[i]));
	}
	fputs("\r\n", out);
}

static void csv_heads(FILE *out, const char *const *columns) {
	for (unsigned i = 0; columns[i]; i++) {
		const char *dot = strchr(columns[i], '.');
		int n = dot ? (int)(dot - columns[i]) : (int)strlen(columns[i]);
		fprintf(out, "%s%.*s%s%s", i ? "," : "", n, columns[i], dot ? "_" : "",
			dot ? dot + 1 : "");
	}
	fputs("\r\n", out);
}

static void csv_rows(
	FILE *out, const char *const *columns, const json_t *rows, const json_t *more) {
	const json_t *row;
	size_t i;
	json_array_foreach((json_t *)rows, i, row) csv_row(out, columns, row, more);
}

static void write_rows(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *o = json_object_get(p->doc, a);
	csv_heads(out, columns);
	csv_rows(out, columns, b ? json_object_get(o, b) : o, NULL);
}

// A line a point: the day, what it is of, what it is.
static void write_points(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *rows = json_object_get(json_object_get(p->doc, a), b), *row;
	size_t i;
	csv_heads(out, columns);
	json_array_foreach((json_t *)rows, i, row) {
		json_t *key = json_deep_copy(json_object_get(row, "key"));
		if (json_object_get(row, "label"))
			json_object_set(key, "label", json_object_get(row, "label"));
		csv_rows(out, columns, json_object_get(row, "points"), key);
		json_decref(key);
	}
}

static void write_tops(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *list = json_object_get(p->doc, a), *row;
	size_t i;
	csv_heads(out, columns);
	json_array_foreach((json_t *)list, i, row) {
		json_t *more = json_pack("{s:O}", "sensor", json_object_get(row, "id"));
		csv_rows(out, columns, json_object_get(row, b), more);
		json_decref(more);
	}
}

static void write_compare(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *side = json_object_get(json_object_get(p->doc, a), b);
	csv_heads(out, columns);
	csv_rows(out, columns, json_object_get(side, "rows"), NULL);
}

// Surges of all watches; with b their networks, a line each.
static void write_surges(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *topic, *surge;
	size_t i, j;
	csv_heads(out, columns);
	json_array_foreach(json_object_get(p->doc, a), i, topic) {
		const json_t *watch = json_object_get(topic, "watch");
		json_array_foreach(json_object_get(topic, "surges"), j, surge) {
			json_t *more = json_pack("{s:O, s:O, s:O, s:O}", "watch", watch, "from",
				json_object_get(surge, "from"), "to", json_object_get(surge, "to"),
				"exclusive", json_object_get(surge, "exclusive"));
			if (b)
				csv_rows(out, columns, json_object_get(surge, b), more);
			else
				csv_row(out, columns, surge, more);
			json_decref(more);
		}
	}
}

// A line a part of a watch, by whatever it is counted.
static void write_topic_parts(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *topic, *parts;
	const char *by;
	size_t i;
	csv_heads(out, columns);
	json_array_foreach(json_object_get(p->doc, a), i, topic) {
		json_object_foreach(json_object_get(topic, b), by, parts) {
			json_t *more = json_pack(
				"{s:O, s:s}", "watch", json_object_get(topic, "watch"), "by", by);
			csv_rows(out, columns, parts, more);
			json_decref(more);
		}
	}
}

static void write_products(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *topic;
	size_t i;
	csv_heads(out, columns);
	json_array_foreach(json_object_get(p->doc, a), i, topic) {
		json_t *more = json_pack("{s:O}", "watch", json_object_get(topic, "watch"));
		csv_rows(
			out, columns, json_object_get(json_object_get(topic, b), "products"), more);
		json_decref(more);
	}
}

static json_t *joined(const json_t *list) {
	struct tt_buf b = TT_BUF_INIT(65536);
	const json_t *v;
	size_t i;
	json_array_foreach((json_t *)list, i, v)
		tt_buf_printf(&b, "%s%s", i ? "; " : "", json_string_value(v));
	json_t *text = json_string(b.len ? (const char *)b.data : "");
	tt_buf_free(&b);
	return text;
}

// A line a vulnerability, or a service without one.
static void write_published(
	struct page *p, FILE *out, const char *const *columns, const char *a, const char *b) {
	const json_t *o;
	size_t i;
	csv_heads(out, columns);
	json_array_foreach(json_object_get(p->doc, a), i, o) {
		json_t *more = json_copy((json_t *)o);
		const json_t *cves = json_object_get(o, b);
		json_object_set_new(more, "products", joined(json_object_get(o, "products")));
		json_object_set_new(more, "malware", joined(json_object_get(o, "malware")));
		json_object_set_new(more, "sources", joined(json_object_get(o, "source")));
		if (json_array_size(cves))
			csv_rows(out, columns, cves, more);
		else
			csv_row(out, columns, more, NULL);
		json_decref(more);
	}
}

#define POINTS_OF_WATCH                                                                            \
	{ "start", "label", "packets", "bytes", "sources", "completeness" }

static const struct table {
	const char *file;
	void (*write)(struct page *, FILE *, const char *const *, const char *, const char *);
	const char *a, *b; // where its rows are in the document
	const char *columns[24];
} tables[] = {
	{"table1", write_rows, "table1", "rows",
		{"rank", "previous_rank", "rank_all_classes", SERVICE, VALUES}},
	{"table2", write_rows, "table2", "rows", {"rank", "previous_rank", "region", VALUES}},
	{"figure1", write_points, "figure1", "rows",
		{"start", SERVICE, "packets", "bytes", "sources", "completeness"}},
	{"figure2", write_points, "figure2", "rows",
		{"start", "region", "packets", "bytes", "sources", "completeness"}},
	{"tools", write_rows, "tools", "rows",
		{"rank", "previous_rank", "tool", "matches", "of", "confidence", VALUES}},
	{"malware", write_rows, "malware", "rows",
		{"rank", "previous_rank", "malware", "services", VALUES}},
	{"classes", write_rows, "overview", "classes", {"class", "packets", "bytes", "sources"}},
	{"sensors", write_rows, "sensors", NULL,
		{"id", "name", "country", "network", "packets", "completeness"}},
	{"sensor-tops", write_tops, "sensors", "rows", {"sensor", "rank", SERVICE, VALUES}},
	{"domestic", write_compare, "compare", "domestic",
		{"rank", SERVICE, "rate", "packets", "other_rank", "other_rate"}},
	{"overseas", write_compare, "compare", "overseas",
		{"rank", SERVICE, "rate", "packets", "other_rank", "other_rate"}},
	{"changes", write_rows, "changes", "rows",
		{"kind", "of", "key", "service", "class", "from", "to", "lasts", "peak_day", "peak",
			"packets", "usual.median", "usual.deviation", "factor", "sources",
			"completeness", "top", "rank", "previous_rank"}},
	{"surges", write_surges, "topics", NULL,
		{"watch", "from", "to", "days", "peak_day", "peak", "usual.median",
			"usual.deviation", "packets", "sources", "mean_size", "exclusive", "only"}},
	{"surges-networks", write_surges, "topics", "networks",
		{"watch", "from", "to", "exclusive", "network", "addresses", "up", "expected",
			"seen", "saw"}},
	{"topics-parts", write_topic_parts, "topics", "by",
		{"watch", "by", "key", "packets", "bytes", "sources", "sources_error", "sensors",
			"addresses", "address_days", "completeness"}},
	{"topics-products", write_products, "topics", "verdicts", {"watch", "product", "sources"}},
	{"published", write_published, "knowledge", "cves",
		{"proto", "port", "service", "about", "products", "malware", "cve", "exploited",
			"sources"}},
};

static int write_table(struct page *p, const char *dir, const struct table *t) {
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return tt_err_set(p->err, -ENOMEM, "%s: no memory", t->file);
	t->write(p, out, t->columns, t->a, t->b);
	int rc = fclose(out) ? tt_err_set(p->err, -ENOMEM, "%s: no memory", t->file) : 0;
	snprintf(path, sizeof(path), "%s/tables/%s.csv", dir, t->file);
	if (!rc)
		rc = tt_file_write(path, text, len, 0644, p->err);
	free(text);
	return rc;
}

int tables_write(struct page *p, const char *dir) {
	int rc = 0;
	for (unsigned i = 0; !rc && i < sizeof(tables) / sizeof(*tables); i++)
		rc = write_table(p, dir, &tables[i]);
	for (unsigned i = 2; !rc && i < FIGURES; i++) { // those of watches
		char id[16], path[PATH_MAX];
		struct table t = {figure_id(i, id), write_points, id, "rows", POINTS_OF_WATCH};
		snprintf(path, sizeof(path), "%s/tables/%s.csv", dir, id);
		if (json_object_get(p->doc, id))
			rc = write_table(p, dir, &t);
		else
			unlink(path); // of an earlier report
	}
	return rc;
}
