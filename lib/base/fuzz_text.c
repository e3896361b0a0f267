/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as the small texts that come from files, options and messages: times, periods,
// addresses, prefixes, protocols and services. What is read is written, and read again as the same.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_addr.h"
#include "tt_names.h"
#include "tt_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void times(struct tt_tz *tz, const char *text) {
	char out[TT_RFC3339_LEN];
	struct tt_err err = {""};
	int64_t t, again, to;
	// years 0 to 9999; an offset may lead past them
	if (!tt_time_parse(text, &t) && t >= -62167219200 && t < 253402300800 &&
		(tt_time_parse(tt_time_format(t, out), &again) || again != t))
		abort();
	if (tt_tz_parse_time(tz, text, &t, &err) && !err.msg[0])
		abort();
	if (!tt_tz_parse_period(tz, text, &t, &to, &err) && t > to)
		abort();
}

static void addresses(const char *text) {
	char out[TT_ADDR_STRLEN > TT_PREFIX_STRLEN ? TT_ADDR_STRLEN : TT_PREFIX_STRLEN];
	struct tt_addr a, b;
	struct tt_prefix p, q;
	if (!tt_addr_parse(text, &a) &&
		(tt_addr_parse(tt_addr_format(&a, out), &b) || tt_addr_cmp(&a, &b)))
		abort();
	if (tt_prefix_parse(text, &p))
		return;
	if (tt_prefix_parse(tt_prefix_format(&p, out), &q) || p.len != q.len ||
		tt_addr_cmp(&p.addr, &q.addr))
		abort();
	tt_prefix_range(&p, &a, &b);
	if (tt_addr_cmp(&a, &b) > 0)
		abort();
}

static void names(const char *text) {
	char out[32];
	uint8_t proto;
	uint16_t port;
	int n = tt_proto_parse(text);
	if (n >= 0 && tt_proto_parse(tt_proto_format((uint8_t)n, out)) != n)
		abort();
	if (!tt_service_parse(text, &proto, &port) &&
		tt_proto_parse(tt_proto_format(proto, out)) != proto)
		abort();
	if (tt_id_valid(text) && (strlen(text) > TT_ID_MAX || !*text))
		abort();
	(void)tt_class_parse(text);
	(void)tt_trait_parse(text);
	(void)tt_tool_parse(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tt_tz *tz;
	struct tt_err err = {""};
	if (!tz && !(tz = tt_tz_create("Europe/Berlin", &err)))
		abort();
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = 0;
	times(tz, text);
	addresses(text);
	names(text);
	free(text);
	return 0;
}
