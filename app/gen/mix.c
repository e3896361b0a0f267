/* SPDX-License-Identifier: BSD-3-Clause */
// The built-in mix: what a telescope sees, by and large, and every case that the definitions name.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "malformed.h"

#define ICMP(type, code) ((type) << 8 | (code))

static const struct {
	uint8_t class, proto;
	uint16_t port;
	float weight;
} services[] = {
	{TT_SCAN, 6, 23, 22},
	{TT_SCAN, 6, 22, 9},
	{TT_SCAN, 6, 445, 6},
	{TT_SCAN, 6, 80, 5},
	{TT_SCAN, 6, 443, 4.4f},
	{TT_SCAN, 6, 3389, 3.8f},
	{TT_SCAN, 6, 8080, 3},
	{TT_SCAN, 6, 5555, 2.5f},
	{TT_SCAN, 6, 6379, 2.2f},
	{TT_SCAN, 6, 2323, 2},
	{TT_SCAN, 6, 1433, 1.8f},
	{TT_SCAN, 6, 8443, 1.5f},
	{TT_SCAN, 6, 81, 1.2f},
	{TT_SCAN, 6, 3306, 1},
	{TT_SCAN, 6, 5900, 0.9f},
	{TT_SCAN, 6, 8728, 0.8f},
	{TT_SCAN, 6, 25, 0.6f},
	{TT_SCAN, 6, 37215, 0.5f},
	{TT_SCAN, 6, 60023, 0.4f},
	{TT_SCAN, 17, 5060, 1.4f},
	{TT_SCAN, 17, 53, 1.1f},
	{TT_SCAN, 17, 161, 0.6f},
	{TT_SCAN, 17, 123, 0.5f},
	{TT_SCAN, 17, 1900, 0.4f},
	{TT_SCAN, 17, 443, 0.3f},
	{TT_SCAN, 17, 137, 0.3f},
	{TT_SCAN, 17, 389, 0.2f},
	{TT_SCAN, 17, 11211, 0.2f},
	{TT_SCAN, 17, 4789, 0.1f}, // uninvited: stays what it is outside
	{TT_SCAN, 17, 6081, 0.1f},
	{TT_SCAN, 1, ICMP(8, 0), 4},
	{TT_SCAN, 1, ICMP(13, 0), 0.1f},
	{TT_SCAN, 1, ICMP(15, 0), 0.03f},
	{TT_SCAN, 1, ICMP(17, 0), 0.05f},
	{TT_BACKSCATTER, 6, 80, 1.6f},
	{TT_BACKSCATTER, 6, 443, 1.5f},
	{TT_BACKSCATTER, 6, 22, 0.3f},
	{TT_BACKSCATTER, 6, 25565, 0.3f},
	{TT_BACKSCATTER, 6, 53, 0.2f},
	{TT_BACKSCATTER, 1, ICMP(3, 3), 0.5f},
	{TT_BACKSCATTER, 1, ICMP(3, 1), 0.3f},
	{TT_BACKSCATTER, 1, ICMP(11, 0), 0.3f},
	{TT_BACKSCATTER, 1, ICMP(3, 13), 0.2f},
	{TT_BACKSCATTER, 1, ICMP(0, 0), 0.2f},
	{TT_BACKSCATTER, 1, ICMP(4, 0), 0.05f},
	{TT_BACKSCATTER, 1, ICMP(5, 1), 0.05f},
	{TT_BACKSCATTER, 1, ICMP(12, 0), 0.03f},
	{TT_BACKSCATTER, 1, ICMP(14, 0), 0.03f},
	{TT_BACKSCATTER, 1, ICMP(16, 0), 0.02f},
	{TT_BACKSCATTER, 1, ICMP(18, 0), 0.02f},
	{TT_BACKSCATTER, 58, ICMP(1, 4), 0.3f},
	{TT_BACKSCATTER, 58, ICMP(2, 0), 0.05f},
	{TT_BACKSCATTER, 58, ICMP(3, 0), 0.1f},
	{TT_BACKSCATTER, 58, ICMP(4, 1), 0.05f},
	{TT_BACKSCATTER, 58, ICMP(129, 0), 0.1f},
	{TT_SCAN, 58, ICMP(128, 0), 0.5f},
	{TT_REFLECTION, 17, 53, 1.6f},
	{TT_REFLECTION, 17, 123, 0.7f},
	{TT_REFLECTION, 17, 1900, 0.3f},
	{TT_REFLECTION, 17, 161, 0.2f},
	{TT_REFLECTION, 17, 389, 0.2f},
	{TT_REFLECTION, 17, 11211, 0.1f},
	{TT_REFLECTION, 17, 111, 0.1f},
	{TT_REFLECTION, 17, 137, 0.1f},
	{TT_REFLECTION, 17, 3702, 0.1f},
	{TT_REFLECTION, 17, 5683, 0.1f},
	{TT_REFLECTION, 17, 5353, 0.1f},
	{TT_REFLECTION, 17, 19, 0.05f},
	{TT_OTHER, 6, 443, 0.4f},
	{TT_OTHER, 6, 80, 0.3f},
	{TT_OTHER, 6, 179, 0.05f},
	{TT_OTHER, 1, ICMP(9, 0), 0.05f},
	{TT_OTHER, 1, ICMP(6, 0), 0.02f},
	{TT_OTHER, 1, ICMP(30, 0), 0.02f},
	{TT_OTHER, 58, ICMP(135, 0), 0.05f},
	{TT_OTHER, 58, ICMP(160, 0), 0.02f},
	{TT_OTHER, 47, 0, 0.15f}, // uninvited tunnels
	{TT_OTHER, 4, 0, 0.1f},
	{TT_OTHER, 41, 0, 0.1f},
	{TT_OTHER, 50, 0, 0.1f},
	{TT_OTHER, 89, 0, 0.05f},
	{TT_OTHER, 132, 0, 0.1f},
};

static struct stream *new_stream(struct scenario *s) {
	if (s->stream_n == s->stream_cap) {
		unsigned cap = s->stream_cap ? s->stream_cap * 2 : 128;
		struct stream *more = realloc(s->streams, cap * sizeof(*more));
		if (!more)
			return NULL;
		s->streams = more;
		s->stream_cap = cap;
	}
	struct stream *x = &s->streams[s->stream_n++];
	*x = (struct stream){.sensors = ~0ull, .event = -1};
	return x;
}

static int add(struct scenario *s, enum kind kind, int class, int family, int proto, int port,
	unsigned param, double weight) {
	struct stream *x = new_stream(s);
	if (!x)
		return -ENOMEM;
	x->kind = (uint8_t)kind;
	x->class = (uint8_t) class;
	x->family = (uint8_t)family;
	x->proto = (uint8_t)proto;
	x->port = (uint16_t)port;
	x->param = (uint16_t)param;
	x->weight = weight;
	x->pool = class == TT_BACKSCATTER			   ? ROLE_VICTIM
		  : class == TT_REFLECTION || class == TT_FRAGMENT ? ROLE_REFLECTOR
								   : ROLE_SCANNER;
	return 0;
}

static int kind_of(int class, int proto) {
	switch (class) {
	case TT_SCAN:
		return proto == 6 ? K_TCP_SYN : proto == 17 ? K_UDP_PROBE : K_ICMP;
	case TT_BACKSCATTER:
		return proto == 6 ? K_TCP_BACK : K_ICMP;
	case TT_REFLECTION:
		return K_REFLECTION;
	default:
		return proto == 6			  ? K_TCP_OTHER
		       : tt_proto_is_icmp((uint8_t)proto) ? K_ICMP
							  : K_IP_OTHER;
	}
}

static double share_of(const struct scenario *s, int proto, int family) {
	if (proto == 1)
		return family == 4;
	if (proto == 58)
		return family == 6;
	return family == 6 ? s->six : 1 - s->six;
}

int mix_service(struct scenario *s, int class, int proto, int port, double weight) {
	for (int family = 4; family <= 6; family += 2) {
		double w = weight * share_of(s, proto, family);
		// these are extension headers, or what a tunnel of IPv6 is
		if (family == 6 && class == TT_OTHER && (proto == 4 || proto == 41 || proto == 47))
			continue;
		bool found = false;
		int kind = kind_of(class, proto);
		for (unsigned i = 0; i < s->stream_n; i++) {
			struct stream *x = &s->streams[i];
			if (x->event < 0 && x->kind == kind && x->class == class &&
				x->proto == proto && x->port == port && x->family == family) {
				x->weight = w;
				found = true;
			}
		}
		if (!found && share_of(s, proto, family) > 0 &&
			add(s, kind, class, family, proto, port, 0, w) < 0)
			return -ENOMEM;
	}
	return 0;
}

// Either family, with its share.
static int add_both(struct scenario *s, enum kind kind, int class, int proto, int port,
	unsigned param, double weight) {
	int rc = add(s, kind, class, 4, proto, port, param, weight * (1 - s->six));
	return rc < 0 ? rc : add(s, kind, class, 6, proto, port, param, weight * s->six);
}

static int add_oddities(struct scenario *s) {
	static const uint16_t ports[] = {
		53, 123, 1900, 161, 389, 11211, 19, 111, 137, 3702, 5683, 5353};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(ports) / sizeof(ports[0]); i++)
		rc = add_both(s, K_UDP_DECOY, TT_SCAN, 17, 0, ports[i], 0.03);
	for (unsigned i = 0; rc == 0 && i < MALFORMED_N; i++)
		rc = add(s, K_MALFORMED, TT_MALFORMED, 4, 0, 0, i, 1.0 / MALFORMED_N);
	for (unsigned i = 0; rc == 0 && i < NON_IP_N; i++)
		rc = add(s, K_NON_IP, TT_NON_IP, 4, 0, 0, i, 1.0 / NON_IP_N);
	for (unsigned i = 0; rc == 0 && i < UNASSIGNED_N; i++)
		rc = add(s, K_UNASSIGNED, TT_CLASS_N, 4, 0, 0, i, 1.5 / UNASSIGNED_N);
	if (rc == 0)
		rc = add_both(s, K_TCP_PROBE, TT_SCAN, 6, 80, 0, 0.4);
	if (rc == 0)
		rc = add_both(s, K_TCP_PROBE, TT_SCAN, 6, 443, 0, 0.3);
	if (rc == 0)
		rc = add_both(s, K_FRAGMENT, TT_FRAGMENT, 17, 0, 0, 0.4);
	if (rc == 0)
		rc = add(s, K_IP6_CHAIN, TT_OTHER, 6, 60, 0, 0, 0.05);
	unsigned from = s->stream_n;
	if (rc == 0)
		rc = add_both(s, K_TCP_SYN, TT_SCAN, 6, 0, 0, 5);
	if (rc == 0)
		rc = add_both(s, K_UDP_PROBE, TT_SCAN, 17, 0, 0, 0.6);
	for (unsigned i = from; i < s->stream_n; i++)
		s->streams[i].tail = true;
	return rc;
}

int mix_add(struct scenario *s) {
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(services) / sizeof(services[0]); i++)
		rc = mix_service(s, services[i].class, services[i].proto, services[i].port,
			services[i].weight);
	return rc < 0 ? rc : add_oddities(s);
}
