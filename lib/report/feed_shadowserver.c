/* SPDX-License-Identifier: BSD-3-Clause */
// Shadowserver's report type event4_honeypot_darknet: its columns in its order. What would tell
// where the sensors are stays empty.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "tt_file.h"

static const char *const columns[] = {"timestamp", "protocol", "src_ip", "src_port", "src_asn",
	"src_geo", "src_region", "src_city", "src_hostname", "src_naics", "src_sector",
	"device_vendor", "device_type", "device_model", "severity", "dst_ip", "dst_port", "dst_asn",
	"dst_geo", "dst_region", "dst_city", "dst_hostname", "dst_naics", "dst_sector",
	"public_source", "infection", "family", "tag", "application", "version", "event_id",
	"count"};
#define COLUMNS (sizeof(columns) / sizeof(*columns))
enum {
	TIMESTAMP,
	PROTOCOL,
	SRC_IP,
	SRC_PORT,
	SRC_ASN,
	SRC_GEO,
	SEVERITY = 14,
	DST_PORT = 16,
	PUBLIC_SOURCE = 24,
	INFECTION,
	FAMILY,
	TAG,
	APPLICATION,
	EVENT_ID = 30,
	COUNT
};

struct cells {
	char text[COLUMNS][256];
};

#define PUT(c, column, ...) snprintf((c)->text[column], sizeof((c)->text[0]), __VA_ARGS__)

// "2024-12-18 03:04:05", UTC
static void format_time(int64_t us, char out[TT_RFC3339_LEN]) {
	tt_time_format(us / 1000000, out);
	out[10] = ' ';
	out[19] = '\0';
}

// The same event has the same id however often it is written.
static void set_id(struct cells *c, const struct feed *f) {
	char text[256], hex[65];
	snprintf(text, sizeof(text), "%s %s %.48s", f->day, f->watch->name, c->text[SRC_IP]);
	tt_sha256(text, strlen(text), hex);
	PUT(c, EVENT_ID, "%.32s", hex);
}

static void fill(const struct feed *f, const struct feed_row *r, struct cells *c) {
	char first[TT_RFC3339_LEN], last[TT_RFC3339_LEN], proto[8];
	const char *application = feed_application(f, &r->s);
	int src = feed_source_port(f, &r->s), dst = feed_destination_port(f, &r->s);
	memset(c, 0, sizeof(*c));
	format_time(r->s.first_us, first);
	format_time(r->s.last_us, last);
	PUT(c, TIMESTAMP, "%s", first);
	PUT(c, PROTOCOL, "%s", tt_proto_format(r->s.proto, proto));
	tt_addr_format(&r->s.source, c->text[SRC_IP]);
	if (src >= 0)
		PUT(c, SRC_PORT, "%d", src);
	if (r->s.asn)
		PUT(c, SRC_ASN, "%u", r->s.asn);
	if (strcmp(r->s.region, "--"))
		PUT(c, SRC_GEO, "%s", r->s.region);
	PUT(c, SEVERITY, "%s", f->kind == FEED_INFECTED ? "high" : "medium");
	if (dst >= 0)
		PUT(c, DST_PORT, "%d", dst);
	PUT(c, PUBLIC_SOURCE, "%s", f->contacts.sender[TT_EN]);
	PUT(c, INFECTION, "%s", f->malware);
	PUT(c, FAMILY, "%s", f->malware);
	// the type has one time; the last packet's is told here
	PUT(c, TAG, "%s;last_seen=%s;tlp=%s", f->identifier, last, f->tlp);
	PUT(c, APPLICATION, "%s", application ? application : "");
	set_id(c, f);
	PUT(c, COUNT, "%" PRIu64, r->s.packets);
}

static void add_field(struct tt_buf *out, const char *text, const char *sep) {
	tt_buf_printf(out, "%s\"", sep);
	for (; *text; text++)
		tt_buf_printf(out, "%s%c", *text == '"' ? "\"" : "", *text);
	tt_buf_printf(out, "\"");
}

void feed_shadowserver(
	const struct feed *f, const struct feed_row *rows, size_t n, struct tt_buf *out) {
	struct cells c;
	for (size_t k = 0; k < COLUMNS; k++)
		add_field(out, columns[k], k ? "," : "");
	tt_buf_printf(out, "\n");
	for (size_t i = 0; i < n; i++) {
		fill(f, &rows[i], &c);
		for (size_t k = 0; k < COLUMNS; k++)
			add_field(out, c.text[k], k ? "," : "");
		tt_buf_printf(out, "\n");
	}
}
