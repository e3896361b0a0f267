/* SPDX-License-Identifier: BSD-3-Clause */
// What outsiders can do to a telescope: fill its table, overload its epochs, aim at its hash. SYNs
// to the sensors of the scenario; only where they come from is chosen.
#include <string.h>

#include "frame.h"
#include "tt_time.h"

static const char *const names[] = {
	[ATTACK_NONE] = "none",
	[ATTACK_SPOOFED] = "spoofed",
	[ATTACK_OVERLOAD] = "overload",
	[ATTACK_COLLIDE] = "collide",
};

int attack_parse(const char *name) {
	for (int i = ATTACK_SPOOFED; i <= ATTACK_COLLIDE; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

void attack_apply(struct scenario *s) {
	if (s->attack == ATTACK_NONE)
		return;
	s->six = 0;
	s->diurnal = 0;
	for (unsigned i = 0; i < s->stream_n; i++)
		if (s->streams[i].kind != K_TCP_SYN || s->streams[i].family != 4)
			s->streams[i].weight = 0;
}

/// A source for every number: an odd multiplier gives another address each time.
static uint32_t numbered(const struct scenario *s, uint64_t n) {
	return (uint32_t)(n + s->seed) * 0x9e3779b1u;
}

static bool usable(const struct tt_addr *a) {
	return a->b[0] != 0 && a->b[0] < 224 && !address_special(a);
}

static struct tt_addr address(uint32_t v) {
	struct tt_addr a = {.family = 4};
	set32(a.b, v);
	return a;
}

/// The number of the packet decides; those whose address is nobody's are passed over.
static struct tt_addr by_number(struct maker *m) {
	for (;;) {
		struct tt_addr a = address(numbered(m->scenario, m->attack_at++));
		if (usable(&a))
			return a;
	}
}

/// The source that makes the flow's key one CRC32, for the port that is next.
static struct tt_addr by_hash(const struct maker *m, const struct packet *p) {
	struct tt_aim_key key = {
		.epoch = (uint32_t)(m->ns / TT_NS / m->scenario->epoch_s),
		.sensor = p->sensor,
		.port = p->port,
		.class = TT_SCAN,
		.proto = 6,
	};
	uint32_t raw = tt_aim_solve(&m->aim, key, (uint32_t)m->scenario->seed * 0x9e3779b1u);
	struct tt_addr a = {.family = 4};
	memcpy(a.b, &raw, 4); // the key has it in network order
	return a;
}

bool attack_make(struct maker *m, const struct pick *pick, struct packet *p) {
	static const uint16_t ports[] = {22, 23, 80, 443, 445, 2323, 3389, 8080};
	const struct target *t = &m->targets->t[pick->sensor];
	struct ip ip = {.ttl = 50, .df = true};
	p->fate = TT_FATE_OBSERVED;
	p->class = TT_SCAN;
	p->proto = 6;
	p->stream = pick->stream;
	p->sensor = pick->sensor;
	p->feed_fragment = p->varies = p->no_pad = false;
	// every second the same sources come again, each to its port
	if (m->scenario->attack == ATTACK_OVERLOAD && m->attack_n++ % m->scenario->sources == 0)
		m->attack_at = 0;
	p->port = ports[m->attack_at % 8];
	if (!target_address(t, 4, &m->rng, &ip.dst))
		return false;
	if (m->scenario->attack == ATTACK_COLLIDE) {
		p->port = (uint16_t)(1 + m->attack_n++ % 65535);
		ip.src = by_hash(m, p);
	} else {
		ip.src = by_number(m);
	}
	p->dport = p->port;
	int region = regions_of(m->regions, &ip.src);
	p->source = sources_intern(m->sources, &ip.src, region < 0 ? REGION_MAX : (unsigned)region);
	if (p->source == UINT32_MAX)
		return false;
	struct source s = {.addr = ip.src, .persona = PLAIN, .style = 1};
	if (!maker_syn(m, p, &s, &ip, p->port))
		return false;
	prepend_ip(p, &ip);
	return wrap(m, p, t, 4, WRAP_RIGHT);
}
