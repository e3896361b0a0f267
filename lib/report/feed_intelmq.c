/* SPDX-License-Identifier: BSD-3-Clause */
// Events as IntelMQ's harmonization names and types them (3.x): one JSON object a line, flat keys,
// what it has no field for below "extra.".
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

static void set_time(json_t *o, const char *key, int64_t sec) {
	char text[TT_RFC3339_LEN];
	size_t n = strlen(tt_time_format(sec, text));
	// with an offset in digits, and no fraction
	snprintf(text + n - 1, sizeof(text) - n + 1, "+00:00");
	json_object_set_new(o, key, json_string(text));
}

static void set_text(json_t *o, const char *key, const char *text) {
	if (text && *text)
		json_object_set_new(o, key, json_string(text));
}

// Names that it has for registries and for the Traffic Light Protocol before version 2.0.
static const char *registry_of(const char *name) {
	static const char *const names[][2] = {{"afrinic", "AFRINIC"}, {"apnic", "APNIC"},
		{"arin", "ARIN"}, {"lacnic", "LACNIC"}, {"ripencc", "RIPE"}};
	for (unsigned i = 0; name && i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i][0], name))
			return names[i][1];
	return NULL;
}

static const char *tlp_of(const char *tlp) {
	return !strcmp(tlp, "CLEAR") ? "WHITE" : !strcmp(tlp, "AMBER+STRICT") ? "AMBER" : tlp;
}

static void set_source(json_t *o, const struct feed *f, const struct feed_row *r) {
	const struct tt_feed_conf *c = f->conf;
	const struct tt_addr *a = &r->s.source;
	char text[TT_PREFIX_STRLEN];
	struct tt_prefix network;
	int port = feed_source_port(f, &r->s);
	set_text(o, "source.ip", tt_addr_format(a, text));
	if (port >= 0)
		json_object_set_new(o, "source.port", json_integer(port));
	if (r->s.asn) {
		json_object_set_new(o, "source.asn", json_integer(r->s.asn));
		set_text(o, "source.as_name", tt_asn_name(c->asn, r->s.asn));
	}
	if (tt_asn_network(c->asn, a, &network))
		set_text(o, "source.network", tt_prefix_format(&network, text));
	set_text(o, "source.registry", registry_of(tt_region_registry(c->region, a->family, a->b)));
	if (strcmp(r->s.region, "--"))
		set_text(o, "source.geolocation.cc", r->s.region);
	set_text(o, "source.abuse_contact", r->contact->email);
}

static void set_extra(json_t *o, const struct feed *f, const struct feed_row *r) {
	json_t *traits = json_array();
	set_time(o, "extra.first_seen", r->s.first_us / 1000000);
	set_time(o, "extra.last_seen", r->s.last_us / 1000000);
	json_object_set_new(o, "extra.count", json_integer((json_int_t)r->s.packets));
	json_object_set_new(o, "extra.bytes", json_integer((json_int_t)r->s.bytes));
	if (r->s.other_port_varied)
		json_object_set_new(o, "extra.ports_varied", json_true());
	for (unsigned i = 0; i < TT_TRAIT_N; i++)
		if (r->s.traits >> i & 1)
			json_array_append_new(traits, json_string(tt_trait_name(i)));
	if (json_array_size(traits))
		json_object_set(o, "extra.traits", traits);
	json_decref(traits);
	set_text(o, "extra.local_day", f->day);
	set_text(o, "extra.timezone", tt_tz_name(tt_store_tz(f->s)));
	set_text(o, "extra.rir", f->rir);
	set_text(o, "extra.tlp", f->tlp);
}

static void add_event(const struct feed *f, const struct feed_row *r, struct tt_buf *out) {
	const struct feed_class *k = &feed_classes[f->kind];
	json_t *o = json_object();
	char proto[8], name[TT_ID_LEN + 16];
	int port = feed_destination_port(f, &r->s);
	bool unverified = r->s.traits & TT_TRAIT_UNVERIFIED;
	set_time(o, "time.source", r->s.first_us / 1000000);
	set_time(o, "time.observation", f->now);
	snprintf(name, sizeof(name), "teiten %s", f->watch->name);
	set_text(o, "feed.name", name);
	set_text(o, "feed.provider", f->contacts.sender[TT_EN]);
	json_object_set_new(
		o, "feed.accuracy", json_real(unverified ? k->unverified : k->accuracy));
	set_text(o, "classification.taxonomy", k->taxonomy);
	set_text(o, "classification.type", k->type);
	set_text(o, "classification.identifier", f->identifier);
	set_source(o, f, r);
	if (port >= 0)
		json_object_set_new(o, "destination.port", json_integer(port));
	tt_proto_format(r->s.proto, proto);
	set_text(o, "protocol.transport",
		!strcmp(proto, "icmp6") ? "ipv6-icmp" : proto); // IANA's keyword
	set_text(o, "protocol.application", feed_application(f, &r->s));
	set_text(o, "malware.name", f->malware);
	set_text(o, "event_description.text", k->text[TT_EN]);
	set_text(o, "tlp", tlp_of(f->tlp));
	set_extra(o, f, r);
	char *line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
	if (line)
		tt_buf_printf(out, "%s\n", line);
	else
		out->rc = out->rc ? out->rc : -ENOMEM;
	free(line);
	json_decref(o);
}

void feed_intelmq(const struct feed *f, const struct feed_row *rows, size_t n, struct tt_buf *out) {
	for (size_t i = 0; i < n; i++)
		add_event(f, &rows[i], out);
}
