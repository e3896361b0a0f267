/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "tt_addr.h"
#include "tt_names.h"
#include "tt_time.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

// Texts go into logs, tables and pages: control characters have no place in them.
static bool text_ok(const char *s) {
	for (; *s; s++) {
		if ((unsigned char)*s < 32 || *s == 127)
			return false;
	}
	return true;
}

static bool line_ok(const char *s) {
	return *s && text_ok(s);
}

static bool prefix_ok(const char *s) {
	struct tt_prefix p;
	return tt_prefix_parse(s, &p) == 0;
}

// A date that exists.
static bool date_ok(const char *s) {
	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
		return false;
	for (int i = 0; i < 10; i++) {
		if (i != 4 && i != 7 && !isdigit((unsigned char)s[i]))
			return false;
	}
	int y = atoi(s), m = atoi(s + 5), d = atoi(s + 8), y2, m2, d2;
	if (m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	tt_civil_from_days(tt_civil_days(y, m, d), &y2, &m2, &d2);
	return y == y2 && m == m2 && d == d2;
}

static bool time_ok(const char *s) {
	int64_t sec;
	return date_ok(s) || tt_time_parse(s, &sec) == 0;
}

static bool country_ok(const char *s) {
	return strlen(s) == 2 && strspn(s, UPPER) == 2;
}

static bool region_ok(const char *s) {
	return country_ok(s) || strcmp(s, "--") == 0 || strcmp(s, "$country") == 0;
}

static bool endpoint_ok(const char *s) {
	if (strncmp(s, "ipc://", 6) == 0 || strncmp(s, "inproc://", 9) == 0)
		return *(strchr(s, '/') + 2) && text_ok(s);
	if (strncmp(s, "tcp://", 6) != 0)
		return false;
	const char *colon = strrchr(s, ':');
	if (colon <= s + 6 || strspn(s + 6, LOWER UPPER DIGIT ".-_*:[]%@") != strlen(s + 6))
		return false;
	if (strcmp(colon + 1, "*") == 0)
		return true;
	char *end;
	unsigned long port = strtoul(colon + 1, &end, 10);
	return isdigit((unsigned char)colon[1]) && !*end && port >= 1 && port <= 65535;
}

static bool proto_ok(const char *s) {
	return tt_proto_parse(s) >= 0;
}

static bool service_ok(const char *s) {
	uint8_t proto;
	uint16_t port;
	return tt_service_parse(s, &proto, &port) == 0;
}

static bool key_ok(const char *s) {
	return strlen(s) == 40 && strspn(s, LOWER UPPER DIGIT ".-:+=^!/*?&<>()[]{}@%$#") == 40;
}

static bool cve_ok(const char *s) {
	if (strncmp(s, "CVE-", 4) != 0 || strspn(s + 4, DIGIT) != 4 || s[8] != '-')
		return false;
	size_t n = strspn(s + 9, DIGIT);
	return n >= 4 && n <= 12 && !s[9 + n];
}

static bool https_ok(const char *s) {
	return strncmp(s, "https://", 8) == 0 && s[8] && text_ok(s) && !strchr(s, ' ');
}

static bool id_or_star_ok(const char *s) {
	return strcmp(s, "*") == 0 || tt_id_valid(s);
}

const struct format format_text = {"text without control characters", text_ok, NULL, 0};
const struct format format_line = {"a text that is not empty", line_ok, "^.+$", 0};
const struct format format_id = {
	"an id of 1 to 32 characters a-z, 0-9, -", tt_id_valid, "^[a-z0-9-]{1,32}$", TT_ID_MAX};
const struct format format_id_or_star = {"an id of 1 to 32 characters a-z, 0-9, -, or *",
	id_or_star_ok, "^([a-z0-9-]{1,32}|[*])$", TT_ID_MAX};
const struct format format_prefix = {
	"an address or a prefix with no bits set past its length, as \"192.0.2.0/24\"", prefix_ok,
	"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$", TT_PREFIX_STRLEN - 1};
const struct format format_time = {"a date as \"2024-12-18\" or a time as \"2024-12-18T03:04:00Z\"",
	time_ok, "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$", TT_RFC3339_LEN - 1};
const struct format format_country = {"two letters A-Z (ISO 3166)", country_ok, "^[A-Z]{2}$", 2};
const struct format format_region = {"two letters A-Z (ISO 3166), \"--\" or \"$country\"",
	region_ok, "^([A-Z]{2}|--|[$]country)$", 8};
const struct format format_zone = {
	"an IANA time zone of this system, as \"Asia/Tokyo\"", tt_tz_exists, NULL, 63};
const struct format format_endpoint = {
	"a ZeroMQ endpoint as \"tcp://127.0.0.1:5490\" or \"ipc:///run/teiten.sock\"", endpoint_ok,
	"^(tcp|ipc|inproc)://.+$", 256};
const struct format format_path = {"the path of a file", line_ok, "^.+$", TEXT_MAX};
const struct format format_proto = {"\"tcp\", \"udp\", \"icmp\", \"icmp6\" or a protocol number",
	proto_ok, "^(tcp|udp|icmp|icmp6|[0-9]{1,3})$", 8};
const struct format format_service = {
	"a service as \"tcp/8728\", \"icmp/8\"", service_ok, "^[a-z0-9]+/[0-9]+(/[0-9]+)?$", 24};
const struct format format_key = {"a CURVE key of 40 Z85 characters", key_ok, "^.{40}$", 40};
const struct format format_cve = {
	"a CVE id as \"CVE-2018-14847\"", cve_ok, "^CVE-[0-9]{4}-[0-9]{4,12}$", 24};

const struct format format_https = {
	"an address as \"https://example.org/file\"", https_ok, "^https://[^ ]+$", TEXT_MAX};

const struct option text_element = {.type = O_STRING};
const struct option bilingual[] = {
	{.name = "en", .type = O_STRING, .help = "In English."},
	{.name = "ja", .type = O_STRING, .help = "In Japanese."},
	{NULL},
};
