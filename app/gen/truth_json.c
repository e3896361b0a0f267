/* SPDX-License-Identifier: BSD-3-Clause */
// The side file: the cells folded by every question, and totals by fate.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth_views.h"
#include "tt_time.h"

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
	for (const struct view *v = truth_views; v->name; v++)
		write_view(f, v, split);
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
			truth_region(f, c->source), c->tool ? "\"" : "",
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
