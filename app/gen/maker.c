/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "frame.h"
#include "tt_time.h"

#define ZMAP_ID 54321
#define MTU	1480 // of what an IP header carries

static const uint16_t reflector_ports[] = {
	19, 53, 111, 123, 137, 161, 389, 1900, 3702, 5353, 5683, 11211};

int maker_init(struct maker *m, const struct scenario *s, const struct regions *r,
	struct targets *t, struct sources *src) {
	*m = (struct maker){.scenario = s, .regions = r, .targets = t, .sources = src};
	rng_seed(&m->rng, s->seed);
	tt_aim_init(&m->aim);
	m->pending = calloc(PENDING_MAX, sizeof(*m->pending));
	return m->pending ? 0 : -ENOMEM;
}

void maker_free(struct maker *m) {
	free(m->pending);
	m->pending = NULL;
}

const struct packet *maker_pending(struct maker *m) {
	if (m->pending_at < m->pending_n)
		return &m->pending[m->pending_at++];
	m->pending_at = m->pending_n = 0;
	return NULL;
}

struct packet *maker_push(struct maker *m) {
	return m->pending_n < PENDING_MAX ? &m->pending[m->pending_n++] : NULL;
}

// Some port of a client, and none that a reflector answers from.
static uint16_t client_port(struct rng *r) {
	for (;;) {
		uint16_t port = (uint16_t)(12000 + rng_below(r, 53000));
		bool taken = false;
		for (size_t i = 0; i < sizeof(reflector_ports) / sizeof(reflector_ports[0]); i++)
			taken |= reflector_ports[i] == port;
		if (!taken)
			return port;
	}
}

// The port that a victim or reflector sends to: one for an hour, so that no epoch sees it vary,
// except for those that always vary.
static uint16_t answered_port(struct maker *m, struct packet *p) {
	uint64_t h = tt_mix64(p->source + ((uint64_t)p->sensor << 32) + m->scenario->seed);
	p->varies = (double)(h >> 40) * 0x1p-24 < m->scenario->vary;
	if (p->varies)
		return client_port(&m->rng);
	h = tt_mix64(h ^ tt_mix64((uint64_t)p->port << 8 | p->class) ^
		     (uint64_t)(m->ns / (3600 * TT_NS)));
	return (uint16_t)(12000 + h % 53000);
}

// An ID that no tool's relation holds for; relation: what Masscan's would be.
static uint16_t plain_id(struct rng *r, uint16_t relation) {
	uint16_t id;
	do
		id = (uint16_t)rng_next(r);
	while (id == ZMAP_ID || id == relation);
	return id;
}

static void scan_id(struct maker *m, struct packet *p, const struct source *s, struct ip *ip) {
	ip->id = plain_id(&m->rng, ZMAP_ID);
	p->tool = PLAIN;
	if (s->persona == ZMAP && ip->src.family == 4) {
		ip->id = ZMAP_ID;
		p->tool = ZMAP;
	}
}

// Sequence number and ID of a SYN by its source's tool: its own mark, and no other's by accident.
static uint32_t mark_syn(
	struct maker *m, struct packet *p, const struct source *s, struct ip *ip, uint16_t dport) {
	uint32_t seq, dst = tt_addr_v4(&ip->dst);
	uint16_t relation;
	do {
		seq = s->persona == MIRAI ? dst : (uint32_t)rng_next(&m->rng);
		relation = (uint16_t)(dst ^ dport ^ seq);
	} while (s->persona != MIRAI && (seq == dst || relation == ZMAP_ID));
	p->tool = ip->src.family == 4 ? s->persona : PLAIN;
	ip->id = p->tool == ZMAP      ? ZMAP_ID
		 : p->tool == MASSCAN ? relation
				      : plain_id(&m->rng, relation);
	return seq;
}

static const struct {
	uint8_t len, bytes[20];
} options[] = {
	{0, {0}},
	{4, {2, 4, 5, 0xb4}},
	{20, {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}}, // Linux
	{12, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},				// Windows
	{8, {2, 4, 5, 0xb4, 4, 2, 0, 0}},
};

static void finish_tcp(struct packet *p, const struct ip *ip) {
	uint8_t *h = p->buf + p->start;
	uint32_t len = p->end - p->start;
	set16(h + 16, checksum(sum_bytes(h, len, sum_pseudo(ip, len))));
}

static void tcp(struct maker *m, struct packet *p, const struct ip *ip, uint16_t sport,
	uint16_t dport, uint32_t seq, uint8_t flags, unsigned style) {
	packet_start(p);
	uint8_t n = options[style].len;
	uint8_t *h = append(p, 20u + n);
	set16(h, sport);
	set16(h + 2, dport);
	set32(h + 4, seq);
	set32(h + 8, flags & 0x10 ? (uint32_t)rng_next(&m->rng) : 0);
	h[12] = (uint8_t)((20 + n) / 4 << 4);
	h[13] = flags;
	set16(h + 14, style == 2 ? 64240 : style == 3 ? 8192 : 1024u + (ip->id & 0x3ff));
	set32(h + 16, 0);
	memcpy(h + 20, options[style].bytes, n);
	p->need = p->start + 14;
	finish_tcp(p, ip);
}

bool maker_syn(
	struct maker *m, struct packet *p, const struct source *s, struct ip *ip, uint16_t dport) {
	static const uint8_t by_tool[] = {0, 1, 0, 0};
	uint32_t seq = mark_syn(m, p, s, ip, dport);
	unsigned style = s->persona == PLAIN ? s->style % 5u : by_tool[s->persona];
	uint8_t flags = s->style == 15 && s->persona == PLAIN ? 0xc2 : 0x02; // some with ECN
	ip->proto = 6;
	tcp(m, p, ip, client_port(&m->rng), dport, seq, flags, style);
	return true;
}

static uint16_t tail_port(struct rng *r) {
	// few ports get much and every port something
	double u = rng_unit(r);
	return (uint16_t)(1 + (uint32_t)(u * u * u * 65534));
}

static bool make_tcp(struct maker *m, struct packet *p, const struct stream *x,
	const struct source *s, struct ip *ip) {
	static const uint8_t probes[] = {0x00, 0x01, 0x29}, back[] = {0x12, 0x04, 0x14, 0x12};
	uint8_t kind = x->kind;
	ip->proto = 6;
	p->port = x->tail ? tail_port(&m->rng) : x->port;
	if (kind == K_TCP_PROBE && (s->persona == MASSCAN || s->persona == MIRAI))
		kind = K_TCP_SYN; // these send nothing else
	if (kind == K_TCP_BACK) {
		p->dport = answered_port(m, p);
		ip->id = plain_id(&m->rng, ZMAP_ID);
		tcp(m, p, ip, p->port, p->dport, (uint32_t)rng_next(&m->rng),
			back[rng_below(&m->rng, 4)], (unsigned)rng_below(&m->rng, 3));
		return true;
	}
	p->dport = p->port;
	if (kind == K_TCP_SYN)
		return maker_syn(m, p, s, ip, p->port);
	uint8_t flags = kind == K_TCP_PROBE ? probes[rng_below(&m->rng, 3)]
					    : (rng_chance(&m->rng, 0.5) ? 0x10 : 0x18);
	scan_id(m, p, s, ip);
	if (kind != K_TCP_PROBE)
		p->tool = PLAIN;
	tcp(m, p, ip, client_port(&m->rng), p->port, (uint32_t)rng_next(&m->rng), flags, 0);
	return true;
}

static bool make_udp(struct maker *m, struct packet *p, const struct stream *x,
	const struct source *s, struct ip *ip) {
	uint16_t sport = client_port(&m->rng);
	packet_start(p);
	ip->proto = 17;
	p->port = x->tail ? tail_port(&m->rng) : x->port;
	if (x->kind == K_UDP_DECOY) {
		sport = x->param;
		p->port = (uint16_t)(20000 + rng_below(&m->rng, 100));
		payload_decoy(p, sport, &m->rng);
	} else {
		payload_probe(p, p->port, &m->rng);
	}
	p->dport = p->port;
	scan_id(m, p, s, ip);
	prepend_udp(p, ip, sport, p->port, ip->src.family == 6 || !rng_chance(&m->rng, 0.05));
	p->need = p->start + 8;
	return true;
}

static bool make_icmp(struct maker *m, struct packet *p, const struct stream *x,
	const struct source *s, struct ip *ip) {
	ip->proto = x->proto;
	p->port = p->dport = x->port;
	packet_start(p);
	uint8_t *h = append(p, 8);
	set16(h, x->port);
	set16(h + 2, 0);
	set32(h + 4, (uint32_t)rng_next(&m->rng));
	append_random(
		p, &m->rng, x->class == TT_BACKSCATTER ? 28 : 8 + (uint32_t)rng_below(&m->rng, 49));
	uint32_t len = p->end - p->start;
	h = p->buf + p->start;
	set16(h + 2, checksum(sum_bytes(h, len, x->proto == 58 ? sum_pseudo(ip, len) : 0)));
	p->need = p->start + 2;
	scan_id(m, p, s, ip);
	if (x->class != TT_SCAN) {
		ip->id = plain_id(&m->rng, ZMAP_ID);
		p->tool = PLAIN;
	}
	return true;
}

static bool make_other(struct maker *m, struct packet *p, const struct stream *x, struct ip *ip) {
	ip->proto = x->proto;
	ip->id = plain_id(&m->rng, ZMAP_ID);
	p->port = p->dport = 0;
	packet_start(p);
	append_random(p, &m->rng, 24 + (uint32_t)rng_below(&m->rng, 40));
	p->need = p->start;
	if (x->kind == K_IP6_CHAIN) {
		ip->proto = 17;
		prepend_options6(p, ip, 9, 60);
		p->need = p->start + 64; // eight are walked, the ninth is what it is
	}
	return true;
}

// A fragment that comes alone, of any protocol.
static bool make_fragment(
	struct maker *m, struct packet *p, const struct stream *x, struct ip *ip) {
	ip->proto = x->proto;
	ip->id = plain_id(&m->rng, ZMAP_ID);
	ip->ident6 = (uint32_t)rng_next(&m->rng);
	ip->fragment = (uint16_t)(8 * (1 + rng_below(&m->rng, 180)));
	ip->more = rng_chance(&m->rng, 0.3);
	p->port = p->dport = 0;
	packet_start(p);
	append_random(p, &m->rng, 8 * (1 + (uint32_t)rng_below(&m->rng, 100)));
	if (ip->src.family == 6) {
		uint32_t start = p->start;
		prepend_fragment6(p, ip);
		p->need = start;
	} else {
		p->need = p->start;
	}
	return true;
}

#define FRAGMENT_LEN ((MTU & ~7u) - 32) // room for extension headers in front

// What is left of a datagram after its first fragment, each part a packet of its own.
static void push_fragments(struct maker *m, const struct packet *p, const struct target *t,
	const struct ip *first, uint32_t end) {
	for (uint32_t at = p->start + FRAGMENT_LEN; at < end; at += FRAGMENT_LEN) {
		uint32_t n = end - at < FRAGMENT_LEN ? end - at : FRAGMENT_LEN;
		struct packet *q = maker_push(m);
		if (!q)
			return;
		struct ip ip = *first;
		packet_start(q);
		append_bytes(q, p->buf + at, n);
		q->source = p->source;
		q->sensor = p->sensor;
		q->stream = p->stream;
		q->fate = TT_FATE_OBSERVED;
		q->class = TT_FRAGMENT;
		q->proto = 17;
		q->port = q->dport = 0;
		q->tool = PLAIN;
		q->feed_fragment = q->varies = q->no_pad = false;
		q->need = q->start;
		ip.fragment = (uint16_t)(at - p->start);
		ip.more = at + n < end;
		ip.df = false;
		if (ip.src.family == 6)
			prepend_fragment6(q, &ip);
		prepend_ip(q, &ip);
		wrap(m, q, t, ip.src.family, WRAP_RIGHT);
	}
}

static bool make_reflection(struct maker *m, struct packet *p, const struct stream *x,
	const struct target *t, struct ip *ip) {
	packet_start(p);
	ip->proto = 17;
	ip->id = plain_id(&m->rng, ZMAP_ID);
	ip->ident6 = (uint32_t)rng_next(&m->rng);
	p->port = x->port;
	p->dport = answered_port(m, p);
	payload_response(p, x->port, &m->rng);
	prepend_udp(p, ip, x->port, p->dport, ip->src.family == 6 || !rng_chance(&m->rng, 0.05));
	p->need = p->start + 8;
	uint32_t end = p->end;
	if (end - p->start <= MTU - 40)
		return true;
	p->end = p->start + FRAGMENT_LEN;
	push_fragments(m, p, t, ip, end);
	ip->more = true;
	if (ip->src.family == 6)
		prepend_fragment6(p, ip);
	return true;
}

static bool make_l4(struct maker *m, struct packet *p, const struct stream *x,
	const struct source *s, const struct target *t, struct ip *ip) {
	switch (x->kind) {
	case K_TCP_SYN:
	case K_TCP_PROBE:
	case K_TCP_BACK:
	case K_TCP_OTHER:
		return make_tcp(m, p, x, s, ip);
	case K_UDP_PROBE:
	case K_UDP_DECOY:
		return make_udp(m, p, x, s, ip);
	case K_ICMP:
		return make_icmp(m, p, x, s, ip);
	case K_REFLECTION:
		return make_reflection(m, p, x, t, ip);
	case K_FRAGMENT:
		return make_fragment(m, p, x, ip);
	default:
		return make_other(m, p, x, ip);
	}
}

// Extension headers that change nothing.
static void extend6(struct maker *m, struct packet *p, struct ip *ip) {
	static const uint8_t types[] = {0, 43, 60};
	bool chain = ip->proto == 44 || ip->proto == 60;
	if (ip->src.family == 6 && !chain && rng_chance(&m->rng, 0.1))
		prepend_options6(p, ip, 1, types[rng_below(&m->rng, 3)]);
}

// Whether an uninvited tunnel packet would be taken for a feed that names no outer addresses.
static bool invited(const struct targets *t, uint8_t proto, uint16_t dport) {
	if (proto != 47 && proto != 4 && proto != 41 &&
		!(proto == 17 && (dport == 4789 || dport == 6081)))
		return false;
	for (unsigned i = 0; i < t->n; i++) {
		const struct tt_rule *r = &t->t[i].conf->rule;
		if (r->tunnel_n && r->tunnel[0].outer_source_n == 0)
			return true;
	}
	return false;
}

bool maker_make(struct maker *m, const struct pick *pick, struct packet *p) {
	if (m->scenario->attack != ATTACK_NONE)
		return attack_make(m, pick, p);
	const struct stream *x = &m->scenario->streams[pick->stream];
	const struct target *t = &m->targets->t[pick->sensor];
	const struct group *g = sources_group(m->sources, x->pool, pick->region, x->family);
	p->stream = pick->stream;
	p->sensor = pick->sensor;
	p->class = x->class;
	p->fate = TT_FATE_OBSERVED;
	p->tool = PLAIN;
	p->feed_fragment = p->varies = p->no_pad = false;
	p->source = g->first + alias_pick(&g->zipf, &m->rng);
	if (x->kind == K_MALFORMED)
		return make_malformed(m, p, x->param, t);
	if (x->kind == K_NON_IP)
		return make_non_ip(m, p, x->param, t);
	if (x->kind == K_UNASSIGNED)
		return make_unassigned(m, p, x->param, t);
	struct source s = m->sources->s[p->source];
	struct ip ip = {.src = s.addr, .ttl = s.ttl, .df = rng_chance(&m->rng, 0.5)};
	if (!target_address(t, x->family, &m->rng, &ip.dst) || !make_l4(m, p, x, &s, t, &ip))
		return false;
	p->proto = ip.proto == 44 ? 17 : ip.proto;
	if (invited(m->targets, p->proto, p->dport))
		return false;
	ip.df &= !ip.more && !ip.fragment;
	extend6(m, p, &ip);
	prepend_ip(p, &ip);
	return wrap(m, p, t, x->family, WRAP_RIGHT);
}
