/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_findings.h"
#include "tt_print.h"

static bool is_table(const json_t *v) {
	return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

// A value in one line: numbers grouped, lists joined, objects as "name value" pairs.
static void render(const json_t *v, FILE *out) {
	char buf[TT_SHOW_LEN];
	const char *key, *sep = "";
	json_t *x;
	size_t i;
	if (json_is_string(v)) {
		fputs(json_string_value(v), out);
	} else if (json_is_integer(v) && json_integer_value(v) >= 0) {
		fputs(tt_show_count((uint64_t)json_integer_value(v), buf), out);
	} else if (json_is_integer(v)) {
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else if (json_is_real(v)) {
		fprintf(out, "%.4g", json_real_value(v));
	} else if (json_is_boolean(v)) {
		fputs(json_is_true(v) ? "yes" : "no", out);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, x) {
			fputs(i ? ", " : "", out);
			render(x, out);
		}
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, x) {
			fprintf(out, "%s%s ", sep, key);
			render(x, out);
			sep = ", ";
		}
	} else {
		fputc('-', out);
	}
}

static char *rendered(const json_t *v, const char *key) {
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	// numbers that only name something are not grouped
	bool name = !strcmp(key, "port") || !strcmp(key, "asn") || !strcmp(key, "other_port");
	if (name && json_is_integer(v))
		fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		render(v, f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static void add(struct tt_grid *g, const json_t *v, const char *key) {
	char *text = rendered(v, key);
	tt_grid_add(g, text ? text : "?");
	free(text);
}

// Columns are the keys of all rows: those of ICMP have type and code beside.
static int print_list(const char *name, const json_t *list) {
	json_t *cols = json_object(), *row, *v;
	const char *key;
	size_t i;
	unsigned c = 0;
	json_array_foreach(list, i, row) json_object_update_missing(cols, row);
	struct tt_grid *g = tt_grid_create((unsigned)json_object_size(cols));
	if (!g) {
		json_decref(cols);
		return -errno;
	}
	json_object_foreach(cols, key, v) {
		if (!json_is_number(v))
			tt_grid_left(g, c);
		tt_grid_add(g, key);
		c++;
	}
	json_array_foreach(list, i, row) {
		json_object_foreach(cols, key, v) add(g, json_object_get(row, key), key);
	}
	printf("\n%s:\n", name);
	int rc = tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
	json_decref(cols);
	return rc;
}

static const char *day_text(const json_t *days, size_t i) {
	return json_string_value(json_array_get(days, i));
}

static int64_t day_number(const json_t *days, size_t i) {
	int y = 0, m = 0, d = 0;
	sscanf(day_text(days, i), "%d-%d-%d", &y, &m, &d);
	return tt_civil_days(y, m, d);
}

#define LINE 76 // characters of spans beside each other

// Days in a row are a span, and as many spans a line as a terminal has place for.
static void add_days(struct tt_grid *g, const char *key, const json_t *days) {
	char line[LINE + 1] = "", span[2 * TT_RFC3339_LEN + 8];
	size_t n = json_array_size(days), used = 0;
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n; next++)
			if (day_number(days, next) != day_number(days, next - 1) + 1)
				break;
		snprintf(span, sizeof(span), "%s%s%s", day_text(days, i),
			next > i + 1 ? " to " : "", next > i + 1 ? day_text(days, next - 1) : "");
		if (used && used + strlen(span) + 3 > LINE) {
			snprintf(line + used, sizeof(line) - used, ",");
			tt_grid_add(g, key);
			tt_grid_add(g, line);
			key = "";
			used = 0;
		}
		used += (size_t)snprintf(
			line + used, sizeof(line) - used, "%s%s", used ? ", " : "", span);
	}
	tt_grid_add(g, key);
	tt_grid_add(g, used ? line : "-");
}

static int print_all(json_t *root) {
	struct tt_grid *g = tt_grid_create(2);
	const char *key;
	json_t *v;
	if (!g)
		return -errno;
	tt_grid_left(g, 0);
	tt_grid_left(g, 1);
	json_object_foreach(root, key, v) {
		if (is_table(v))
			continue;
		if (!strcmp(key, "days")) {
			add_days(g, key, v);
			continue;
		}
		tt_grid_add(g, key);
		add(g, v, key);
	}
	int rc = tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
	json_object_foreach(root, key, v) {
		if (!rc && is_table(v))
			rc = print_list(key, v);
	}
	return rc;
}

int show_document(const struct args *a, json_t *root, enum tt_format format) {
	int rc;
	if (format == TT_FORMAT_JSON) {
		rc = print_json(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
	} else {
		rc = print_all(root);
	}
	json_decref(root);
	return rc ? complain(FAILED, "%s: %s", a->command->name, strerror(-rc)) : DONE;
}

static int show(const struct args *a, struct tt_store *s, const struct tt_addr *addr,
	const struct tt_pseudonyms *names, enum tt_format format) {
	struct tt_err err = {0};
	int64_t from, to;
	if (span_read(a, s, &from, &to, &err))
		return complain(USAGE, "show: %s", err.msg);
	struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
	json_t *root = tt_store_show(s, addr, from, to, &err);
	int rc = root ? 0 : -errno;
	if (root && names->recipient && (rc = tt_show_hide(s, names, root)))
		json_decref(root);
	progress_stop(&p);
	if (rc)
		return complain(FAILED, "show: %s", err.msg[0] ? err.msg : strerror(-rc));
	return show_document(a, root, format);
}

int run_show(const struct args *a) {
	struct tt_err err = {0};
	struct tt_addr addr;
	enum tt_format format;
	int status = DONE;
	if (format_read(a, &format, &err))
		return complain(USAGE, "show: %s", err.msg);
	if (format == TT_FORMAT_CSV)
		return complain(USAGE, "show: --format: 'csv', expected one of table, json");
	if (arg(a, "port"))
		return a->operand_n ? complain(USAGE, "show: --port stands instead of ADDRESS")
				    : show_port(a, format);
	if (!a->operand_n || !arg(a, "db"))
		return complain(USAGE, "show: %s is missing; teiten show -h shows how",
			a->operand_n ? "option --db" : "ADDRESS");
	if (tt_addr_parse(a->operands[0], &addr))
		return complain(
			USAGE, "show: '%s', expected an IPv4 or IPv6 address", a->operands[0]);
	struct tt_store *s = open_db(a, &status);
	if (!s)
		return status;
	json_t *report;
	struct tt_pseudonyms names;
	if (names_read(a, &names, &report, &err))
		status = complain(USAGE, "show: %s", err.msg);
	else
		status = show(a, s, &addr, &names, format);
	json_decref(report);
	tt_store_close(&s, NULL);
	return status;
}
