/* SPDX-License-Identifier: BSD-3-Clause */
// The books: what was made, in cells that every question of `top` can be answered from.
#include "truth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tt_time.h"

static int table_init(struct truth_table *t, uint64_t size) {
	*t = (struct truth_table){.mask = size - 1};
	t->c = calloc(size, sizeof(*t->c));
	return t->c ? 0 : -ENOMEM;
}

static struct truth_cell *find(struct truth_table *t, uint64_t a, uint64_t b) {
	uint64_t i = tt_mix64(a ^ tt_mix64(b + 0x9e3779b97f4a7c15ull)) & t->mask;
	while (t->c[i].packets && (t->c[i].a != a || t->c[i].b != b))
		i = (i + 1) & t->mask;
	return &t->c[i];
}

static int grow(struct truth_table *t) {
	struct truth_table more;
	if (table_init(&more, (t->mask + 1) * 2) < 0)
		return -ENOMEM;
	for (uint64_t i = 0; i <= t->mask; i++)
		if (t->c[i].packets)
			*find(&more, t->c[i].a, t->c[i].b) = t->c[i];
	more.n = t->n;
	free(t->c);
	*t = more;
	return 0;
}

static int add(struct truth_table *t, uint64_t a, uint64_t b, uint32_t packets, uint64_t bytes,
	uint32_t dport) {
	if (t->n * 2 > t->mask && grow(t) < 0)
		return -ENOMEM;
	struct truth_cell *c = find(t, a, b);
	if (!c->packets) {
		*c = (struct truth_cell){.a = a, .b = b, .dport = dport};
		t->n++;
	}
	c->packets += packets;
	c->bytes += bytes;
	if (c->dport != dport)
		c->dport = PORT_MIXED;
	return 0;
}

// a: source 32, tool 2, class 3, protocol 8, port 16. b: part 12, sensor 16, then the destination
// port 17 bits (of cells) or the epoch 32 bits (of open observations).
static uint64_t pack_a(const struct packet *p, uint8_t tool) {
	return (uint64_t)p->source << 32 | (uint64_t)tool << 27 | (uint64_t)p->class << 24 |
	       (uint64_t)p->proto << 16 | p->port;
}

static uint64_t pack_b(unsigned split, uint16_t sensor, uint32_t low) {
	return (uint64_t)split << 48 | (uint64_t)sensor << 32 | low;
}

struct cell_view truth_view(const struct truth_cell *c) {
	return (struct cell_view){
		.source = (uint32_t)(c->a >> 32),
		.tool = (uint8_t)(c->a >> 27 & 3),
		.class = (uint8_t)(c->a >> 24 & 7),
		.proto = (uint8_t)(c->a >> 16),
		.port = (uint16_t)c->a,
		.split = (uint16_t)(c->b >> 48),
		.sensor = (uint16_t)(c->b >> 32),
		.dport = (uint32_t)c->b,
		.packets = c->packets,
		.bytes = c->bytes,
	};
}

struct truth *truth_create(const struct scenario *s, const struct regions *r,
	const struct targets *t, const struct sources *src, const int64_t *splits, unsigned split_n,
	uint32_t epoch_s, uint32_t snaplen) {
	struct truth *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->s = s;
	x->regions = r;
	x->targets = t;
	x->sources = src;
	x->split_n = split_n;
	x->epoch_s = epoch_s;
	x->snaplen = snaplen;
	for (unsigned i = 0; i < split_n; i++)
		x->splits[i] = splits[i] * TT_NS;
	x->tallies = calloc(split_n + 1, sizeof(*x->tallies));
	x->streams = calloc(s->stream_n + 1, sizeof(*x->streams));
	if (!x->tallies || !x->streams || table_init(&x->cells, 1 << 16) < 0 ||
		table_init(&x->open, 1 << 10) < 0)
		truth_destroy(&x);
	return x;
}

void truth_destroy(struct truth **tp) {
	if (!*tp)
		return;
	free((*tp)->cells.c);
	free((*tp)->open.c);
	free((*tp)->tallies);
	free((*tp)->streams);
	free(*tp);
	*tp = NULL;
}

static unsigned split_of(const struct truth *t, int64_t ns) {
	unsigned i = 0;
	while (i < t->split_n && ns >= t->splits[i])
		i++;
	return i;
}

int truth_count(struct truth *t, int64_t ns, const struct packet *p) {
	unsigned split = split_of(t, ns);
	struct tally *y = &t->tallies[split];
	uint32_t len = p->end - p->start;
	unsigned fate = packet_fate(p, t->snaplen && t->snaplen < len ? t->snaplen : len);
	if (y->all_packets++ == 0)
		y->first_ns = ns;
	y->last_ns = ns;
	y->all_bytes += len;
	y->packets[fate]++;
	y->bytes[fate] += len;
	t->streams[p->stream]++;
	if (fate != TT_FATE_OBSERVED)
		return 0;
	y->feed_fragments += p->feed_fragment;
	uint64_t a = pack_a(p, p->tool);
	uint32_t dport = p->dport;
	if (!p->varies)
		return add(&t->cells, a, pack_b(split, p->sensor, dport), 1, len, dport);
	uint32_t epoch = (uint32_t)(ns / TT_NS / t->epoch_s);
	return add(&t->open, a, pack_b(split, p->sensor, epoch), 1, len, dport);
}

int truth_settle(struct truth *t) {
	for (uint64_t i = 0; i <= t->open.mask; i++) {
		struct truth_cell *c = &t->open.c[i];
		if (!c->packets)
			continue;
		if (add(&t->cells, c->a, (c->b & ~0xffffffffull) | c->dport, c->packets, c->bytes,
			    c->dport) < 0)
			return -ENOMEM;
		c->packets = 0;
	}
	return 0;
}
