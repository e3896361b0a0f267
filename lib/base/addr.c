/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tt_addr_parse(const char *text, struct tt_addr *out) {
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->b) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->b) == 1)
		out->family = 6;
	else
		return -EINVAL;
	return 0;
}

const char *tt_addr_format_raw(uint8_t family, const uint8_t *b, char buf[TT_ADDR_STRLEN]) {
	if (family == 4)
		inet_ntop(AF_INET, b, buf, TT_ADDR_STRLEN);
	else if (family == 6)
		inet_ntop(AF_INET6, b, buf, TT_ADDR_STRLEN);
	else
		strcpy(buf, "-");
	return buf;
}

const char *tt_addr_format(const struct tt_addr *a, char buf[TT_ADDR_STRLEN]) {
	return tt_addr_format_raw(a->family, a->b, buf);
}

int tt_addr_cmp(const struct tt_addr *a, const struct tt_addr *b) {
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

static unsigned bits_of(uint8_t family) {
	return family == 4 ? 32 : 128;
}

int tt_prefix_parse(const char *text, struct tt_prefix *out) {
	char addr[TT_ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (tt_addr_parse(addr, &out->addr) < 0)
		return -EINVAL;
	unsigned bits = bits_of(out->addr.family);
	out->len = (uint8_t)bits;
	if (!slash)
		return 0;
	const char *digits = slash + 1;
	size_t dn = strlen(digits);
	if (dn < 1 || dn > 3 || strspn(digits, "0123456789") != dn)
		return -EINVAL;
	unsigned long len = strtoul(digits, NULL, 10);
	if (len > bits)
		return -EINVAL;
	out->len = (uint8_t)len;
	struct tt_addr first, last;
	tt_prefix_range(out, &first, &last);
	return memcmp(first.b, out->addr.b, sizeof(first.b)) ? -EDOM : 0;
}

const char *tt_prefix_format(const struct tt_prefix *p, char buf[TT_PREFIX_STRLEN]) {
	char addr[TT_ADDR_STRLEN];
	snprintf(buf, TT_PREFIX_STRLEN, "%s/%u", tt_addr_format(&p->addr, addr), p->len);
	return buf;
}

void tt_prefix_range(const struct tt_prefix *p, struct tt_addr *first, struct tt_addr *last) {
	*first = p->addr;
	*last = p->addr;
	unsigned bytes = bits_of(p->addr.family) / 8;
	for (unsigned i = 0; i < bytes; i++) {
		unsigned covered = p->len <= i * 8 ? 0 : p->len - i * 8;
		uint8_t host = covered >= 8 ? 0 : (uint8_t)(0xff >> covered);
		first->b[i] &= (uint8_t)~host;
		last->b[i] |= host;
	}
}

bool tt_prefix_contains(const struct tt_prefix *p, const struct tt_addr *a) {
	if (a->family != p->addr.family)
		return false;
	unsigned whole = p->len / 8, rest = p->len % 8;
	if (memcmp(a->b, p->addr.b, whole))
		return false;
	return !rest || !((a->b[whole] ^ p->addr.b[whole]) & (uint8_t)(0xff << (8 - rest)));
}
