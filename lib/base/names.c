/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const classes[] = {
	"scan", "backscatter", "reflection", "other", "fragment", "malformed", "non_ip"};
static const char *const fates[] = {"non_ip", "malformed", "unassigned", "observed", "spilled"};
static const char *const tools[] = {"zmap", "masscan", "mirai"};
static const char *const traits[] = {"dns_over_512", "dns_over_1232", "dns_tc", "dns_ra", "dns_aa",
	"dns_edns", "dns_do", "dns_dnssec", "dns_any", "dns_rcode", "ntp_monlist", "ntp_control",
	"tcp_no_options", "tcp_df_clear", "tcp_windows", "unverified", "reflector_port"};

_Static_assert(sizeof(classes) / sizeof(*classes) == TT_CLASS_N, "a name for each class");
_Static_assert(sizeof(fates) / sizeof(*fates) == TT_FATE_N, "a name for each fate");
_Static_assert(sizeof(tools) / sizeof(*tools) == TT_TOOL_N, "a name for each tool");
_Static_assert(sizeof(traits) / sizeof(*traits) == TT_TRAIT_N, "a name for each trait");

static int find(const char *const *names, int n, const char *name) {
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

const char *tt_class_name(enum tt_class c) {
	return (unsigned)c < TT_CLASS_N ? classes[c] : "?";
}

int tt_class_parse(const char *name) {
	return find(classes, TT_CLASS_N, name);
}

const char *tt_fate_name(enum tt_fate f) {
	return (unsigned)f < TT_FATE_N ? fates[f] : "?";
}

const char *tt_trait_name(unsigned bit) {
	return bit < TT_TRAIT_N ? traits[bit] : "?";
}

int tt_trait_parse(const char *name) {
	return find(traits, TT_TRAIT_N, name);
}

const char *tt_tool_name(enum tt_tool t) {
	return (unsigned)t < TT_TOOL_N ? tools[t] : "?";
}

int tt_tool_parse(const char *name) {
	return find(tools, TT_TOOL_N, name);
}

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmp6", 58}};

const char *tt_proto_format(uint8_t proto, char buf[8]) {
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (protos[i].proto == proto)
			return strcpy(buf, protos[i].name);
	snprintf(buf, 8, "%u", proto);
	return buf;
}

// Digits only, no sign, no space; -1 above max.
static long number(const char *text, long max) {
	size_t n = strlen(text);
	if (n < 1 || n > 5 || strspn(text, "0123456789") != n)
		return -1;
	long v = strtol(text, NULL, 10);
	return v > max ? -1 : v;
}

int tt_proto_parse(const char *text) {
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(protos[i].name, text))
			return protos[i].proto;
	return (int)number(text, 255);
}

int tt_service_parse(const char *text, uint8_t *proto, uint16_t *port) {
	char part[3][8] = {"", "", ""};
	unsigned n = 0;
	for (const char *p = text; n < 3; n++) {
		size_t len = strcspn(p, "/");
		if (len < 1 || len >= sizeof(part[0]))
			return -EINVAL;
		memcpy(part[n], p, len);
		if (!p[len]) {
			n++;
			break;
		}
		p += len + 1;
		if (n == 2)
			return -EINVAL;
	}
	int pr = tt_proto_parse(part[0]);
	if (pr < 0 || n < 2)
		return -EINVAL;
	bool icmp = tt_proto_is_icmp((uint8_t)pr);
	long a = number(part[1], icmp ? 255 : 65535);
	long b = n == 3 ? number(part[2], 255) : 0;
	if (a < 0 || b < 0 || (n == 3 && !icmp))
		return -EINVAL;
	*proto = (uint8_t)pr;
	*port = (uint16_t)(icmp ? a << 8 | b : a);
	return 0;
}

bool tt_id_valid(const char *text) {
	size_t n = strnlen(text, TT_ID_MAX + 1);
	return n >= 1 && n <= TT_ID_MAX &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}
