/* SPDX-License-Identifier: BSD-3-Clause */
// The side file: the cells folded by every question, and totals by fate.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"
#include "tt_time.h"

struct entry {
	uint64_t row; // what the view ranks
	uint32_t source;
	uint32_t cell;
};

struct fold {
	const struct truth *t;
	FILE *f;
	struct cell_view *views;
	uint32_t n;
	struct entry *e, *spare;
};

// A question: which cells, by what, and how its rows read.
struct view {
	const char *name;
	bool (*row)(const struct fold *f, const struct cell_view *c, uint64_t *row);
	void (*print)(const struct fold *f, uint64_t row);
};

static const char *region_of(const struct fold *f, uint32_t source) {
	uint8_t r = f->t->sources->s[source].region;
	return r < f->t->regions->n ? f->t->regions->r[r].cc : "--";
}

// Regions of one code are one, whichever range an address is from.
static uint64_t region_key(const struct fold *f, uint32_t source) {
	const char *cc = region_of(f, source);
	return (uint64_t)(uint8_t)cc[0] << 8 | (uint8_t)cc[1];
}

static uint64_t service_key(const struct cell_view *c) {
	return (uint64_t)c->class << 24 | (uint64_t)c->proto << 16 | c->port;
}

static bool by_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->class;
	return true;
}

static bool by_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = service_key(c);
	return true;
}

static bool by_sensor_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 27 | service_key(c);
	return true;
}

static bool by_region(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->class << 16 | region_key(f, c->source);
	return true;
}

static bool by_sensor_region(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 19 | (uint64_t)c->class << 16 | region_key(f, c->source);
	return true;
}

static bool by_region_service(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = region_key(f, c->source) << 27 | service_key(c);
	return true;
}

static bool by_sensor(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->sensor;
	return true;
}

static bool by_sensor_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 3 | c->class;
	return true;
}

static bool by_source(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->source;
	return true;
}

static bool by_source_class(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->source << 3 | c->class;
	return true;
}

static bool by_dport(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	bool mixed = c->dport == PORT_MIXED;
	*row = mixed ? 1u << 24 : (uint64_t)c->proto << 16 | c->dport;
	return true;
}

static bool by_class_dport(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	by_dport(f, c, row);
	*row |= (uint64_t)c->class << 25;
	return true;
}

static bool by_tool(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = c->tool;
	return c->tool != PLAIN;
}

static bool by_sensor_tool(const struct fold *f, const struct cell_view *c, uint64_t *row) {
	*row = (uint64_t)c->sensor << 2 | c->tool;
	return c->tool != PLAIN;
}

static void print_class(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"class\":\"%s\"", tt_class_name((enum tt_class)(row & 7)));
}

static void print_port(const struct fold *f, uint64_t row) {
	char proto[8];
	unsigned p = (unsigned)(row >> 16 & 255), port = (unsigned)(row & 0xffff);
	fprintf(f->f, "\"proto\":\"%s\",\"port\":%u", tt_proto_format((uint8_t)p, proto), port);
	if (tt_proto_is_icmp((uint8_t)p))
		fprintf(f->f, ",\"type\":%u,\"code\":%u", port >> 8, port & 255);
}

static void print_service(const struct fold *f, uint64_t row) {
	print_class(f, row >> 24);
	fputc(',', f->f);
	print_port(f, row);
}

static void print_sensor(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"sensor\":\"%s\"", f->t->targets->t[row].conf->id);
}

static void print_sensor_service(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 27);
	fputc(',', f->f);
	print_service(f, row & 0x7ffffff);
}

static void print_region_code(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"region\":\"%c%c\"", (char)(row >> 8), (char)row);
}

static void print_region(const struct fold *f, uint64_t row) {
	print_class(f, row >> 16);
	fputc(',', f->f);
	print_region_code(f, row & 0xffff);
}

static void print_sensor_region(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 19);
	fputc(',', f->f);
	print_region(f, row & 0x7ffff);
}

static void print_region_service(const struct fold *f, uint64_t row) {
	print_region_code(f, row >> 27 & 0xffff);
	fputc(',', f->f);
	print_service(f, row & 0x7ffffff);
}

static void print_sensor_class(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 3);
	fputc(',', f->f);
	print_class(f, row);
}

static void print_source(const struct fold *f, uint64_t row) {
	char text[TT_ADDR_STRLEN];
	fprintf(f->f, "\"source\":\"%s\",\"region\":\"%s\"",
		tt_addr_format(&f->t->sources->s[row].addr, text), region_of(f, (uint32_t)row));
}

static void print_source_class(const struct fold *f, uint64_t row) {
	print_source(f, row >> 3);
	fputc(',', f->f);
	print_class(f, row);
}

static void print_dport(const struct fold *f, uint64_t row) {
	if (row & 1u << 24)
		fprintf(f->f, "\"mixed\":true");
	else
		print_port(f, row);
}

static void print_class_dport(const struct fold *f, uint64_t row) {
	print_class(f, row >> 25);
	fputc(',', f->f);
	print_dport(f, row & 0x1ffffff);
}

static void print_tool(const struct fold *f, uint64_t row) {
	fprintf(f->f, "\"tool\":\"%s\"", tt_tool_name((enum tt_tool)((row & 3) - 1)));
}

static void print_sensor_tool(const struct fold *f, uint64_t row) {
	print_sensor(f, row >> 2);
	fputc(',', f->f);
	print_tool(f, row);
}

static const struct view views[] = {
	{"classes", by_class, print_class},
	{"services", by_service, print_service},
	{"sensor_services", by_sensor_service, print_sensor_service},
	{"regions", by_region, print_region},
	{"sensor_regions", by_sensor_region, print_sensor_region},
	{"region_services", by_region_service, print_region_service},
	{"sensors", by_sensor, print_sensor},
	{"sensor_classes", by_sensor_class, print_sensor_class},
	{"sources", by_source, print_source},
	{"source_classes", by_source_class, print_source_class},
	{"dports", by_dport, print_dport},
	{"class_dports", by_class_dport, print_class_dport},
	{"tools", by_tool, print_tool},
	{"sensor_tools", by_sensor_tool, print_sensor_tool},
};

static uint16_t digit_of(const struct entry *e, unsigned digit) {
	return (uint16_t)(digit < 2 ? e->source >> 16 * digit : e->row >> 16 * (digit - 2));
}

// Radix sort by (row, source): a million entries sorted fifteen times.
static void sort_entries(struct fold *f, uint32_t n) {
	static uint32_t count[65536];
	for (unsigned digit = 0; digit < 6; digit++) {
		memset(count, 0, sizeof(count));
		for (uint32_t i = 0; i < n; i++)
			count[digit_of(&f->e[i], digit)]++;
		if (n == 0 || count[digit_of(&f->e[0], digit)] == n)
			continue; // all alike
		uint32_t sum = 0;
		for (unsigned i = 0; i < 65536; i++) {
			uint32_t c = count[i];
			count[i] = sum;
			sum += c;
		}
		for (uint32_t i = 0; i < n; i++)
			f->spare[count[digit_of(&f->e[i], digit)]++] = f->e[i];
		struct entry *t = f->e;
		f->e = f->spare;
		f->spare = t;
	}
}

static void write_view(struct fold *f, const struct view *v, int split) {
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		const struct cell_view *c = &f->views[i];
		if ((split >= 0 && c->split != split) || !v->row(f, c, &f->e[n].row))
			continue;
		f->e[n].source = c->source;
		f->e[n++].cell = i;
	}
	sort_entries(f, n);
	fprintf(f->f, ",\n\"%s\":[", v->name);
	for (uint32_t i = 0; i < n;) {
		uint64_t row = f->e[i].row, packets = 0, bytes = 0, sources = 0;
		for (uint32_t first = i; i < n && f->e[i].row == row; i++) {
			sources += i == first || f->e[i].source != f->e[i - 1].source;
			packets += f->views[f->e[i].cell].packets;
			bytes += f->views[f->e[i].cell].bytes;
		}
		fputs("\n{", f->f);
		v->print(f, row);
		fprintf(f->f,
			",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sources\":%" PRIu64 "}%s",
			packets, bytes, sources, i < n ? "," : "");
	}
	fputs("]", f->f);
}

static void write_tally(struct fold *f, const struct tally *y) {
	char first[TT_RFC3339_LEN], last[TT_RFC3339_LEN];
	fprintf(f->f, "\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64, y->all_packets, y->all_bytes);
	if (y->all_packets)
		fprintf(f->f, ",\"first\":\"%s\",\"last\":\"%s\"",
			tt_time_format_ns(y->first_ns, 9, first),
			tt_time_format_ns(y->last_ns, 9, last));
	else
		fputs(",\"first\":null,\"last\":null", f->f);
	fprintf(f->f, ",\"feed_fragments\":%" PRIu64 ",\"fates\":{", y->feed_fragments);
	for (int i = 0; i < TT_FATE_N; i++)
		fprintf(f->f, "%s\"%s\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
			i ? "," : "", tt_fate_name((enum tt_fate)i), y->packets[i], y->bytes[i]);
	fputs("}", f->f);
}

static struct tally total_of(const struct truth *t) {
	struct tally sum = {0};
	for (unsigned i = 0; i <= t->split_n; i++) {
		const struct tally *y = &t->tallies[i];
		if (!y->all_packets)
			continue;
		if (!sum.all_packets)
			sum.first_ns = y->first_ns;
		sum.last_ns = y->last_ns;
		sum.all_packets += y->all_packets;
		sum.all_bytes += y->all_bytes;
		sum.feed_fragments += y->feed_fragments;
		for (int j = 0; j < TT_FATE_N; j++) {
			sum.packets[j] += y->packets[j];
			sum.bytes[j] += y->bytes[j];
		}
	}
	return sum;
}

static void write_views(struct fold *f, int split) {
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		write_view(f, &views[i], split);
}

static void write_parts(struct fold *f) {
	const struct truth *t = f->t;
	fputs(",\n\"parts\":[", f->f);
	for (unsigned i = 0; t->split_n && i <= t->split_n; i++) {
		char at[TT_RFC3339_LEN];
		int64_t from = i ? t->splits[i - 1] : t->s->start_ns;
		int64_t to = i < t->split_n ? t->splits[i] : t->s->end_ns;
		fprintf(f->f, "%s\n{\"from\":\"%s\",", i ? "," : "",
			tt_time_format_ns(from, 0, at));
		fprintf(f->f, "\"to\":\"%s\",", tt_time_format_ns(to, 0, at));
		write_tally(f, &t->tallies[i]);
		write_views(f, (int)i);
		fputs("}", f->f);
	}
	fputs("]", f->f);
}

static void write_malformed(struct fold *f) {
	const char *comma = "";
	fputs(",\n\"malformed\":{", f->f);
	for (unsigned i = 0; i < f->t->s->stream_n; i++) {
		const struct stream *x = &f->t->s->streams[i];
		if (x->kind != K_MALFORMED)
			continue;
		fprintf(f->f, "%s\"%s\":%" PRIu64, comma, malformed_name(x->param),
			f->t->streams[i]);
		comma = ",";
	}
	fputs("}", f->f);
}

static void write_cells(struct fold *f) {
	fputs(",\n\"cell_columns\":[\"part\",\"sensor\",\"class\",\"proto\",\"port\",\"dport\","
	      "\"source\",\"region\",\"tool\",\"packets\",\"bytes\"],\n\"cells\":[",
		f->f);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct cell_view *c = &f->views[i];
		char proto[8], addr[TT_ADDR_STRLEN], dport[16] = "null";
		if (c->dport != PORT_MIXED)
			snprintf(dport, sizeof(dport), "%u", c->dport);
		fprintf(f->f,
			"%s\n[%u,\"%s\",\"%s\",\"%s\",%u,%s,\"%s\",\"%s\",%s%s%s,%" PRIu64
			",%" PRIu64 "]",
			i ? "," : "", c->split, f->t->targets->t[c->sensor].conf->id,
			tt_class_name((enum tt_class)c->class), tt_proto_format(c->proto, proto),
			c->port, dport, tt_addr_format(&f->t->sources->s[c->source].addr, addr),
			region_of(f, c->source), c->tool ? "\"" : "",
			c->tool ? tt_tool_name((enum tt_tool)(c->tool - 1)) : "null",
			c->tool ? "\"" : "", c->packets, c->bytes);
	}
	fputs("]", f->f);
}

static int by_cell(const void *a, const void *b) {
	return memcmp(a, b, 16); // any order, but always the same
}

static int collect(struct fold *f, struct truth *t) {
	uint32_t n = 0;
	struct truth_cell *sorted = malloc((t->cells.n + 1) * sizeof(*sorted));
	f->views = malloc((t->cells.n + 1) * sizeof(*f->views));
	f->e = malloc((t->cells.n + 1) * sizeof(*f->e));
	f->spare = malloc((t->cells.n + 1) * sizeof(*f->spare));
	if (!sorted || !f->views || !f->e || !f->spare) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i <= t->cells.mask; i++)
		if (t->cells.c[i].packets)
			sorted[n++] = t->cells.c[i];
	qsort(sorted, n, sizeof(*sorted), by_cell);
	for (uint32_t i = 0; i < n; i++)
		f->views[i] = truth_view(&sorted[i]);
	f->n = n;
	free(sorted);
	return 0;
}

int truth_write(struct truth *t, const char *path, bool cells, struct tt_err *err) {
	struct fold f = {.t = t};
	int rc = truth_settle(t);
	if (rc == 0)
		rc = collect(&f, t);
	if (rc == 0 && !(f.f = fopen(path, "we")))
		rc = -errno;
	if (rc == 0) {
		struct tally all = total_of(t);
		fprintf(f.f,
			"{\"kind\":\"truth\",\"v\":1,\"seed\":%" PRIu64 ",\"epoch_s\":%u,"
			"\"snaplen\":%u,\n",
			t->s->seed, t->epoch_s, t->snaplen);
		write_tally(&f, &all);
		write_malformed(&f);
		truth_write_events(t, f.f);
		write_views(&f, -1);
		write_parts(&f);
		if (cells)
			write_cells(&f);
		fputs("}\n", f.f);
		if (ferror(f.f))
			rc = -EIO;
		if (fclose(f.f) != 0 && rc == 0)
			rc = -errno;
	}
	free(f.views);
	free(f.e);
	free(f.spare);
	return rc < 0 ? tt_err_set(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
