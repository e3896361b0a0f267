/* SPDX-License-Identifier: BSD-3-Clause */
// teiten show --port: a service, what arrived for it and what was published about it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_knowledge.h"

struct service {
	uint8_t proto;
	uint16_t port;
	struct tt_services *services;
	struct tt_kev *kev;
};

static void set_time(json_t *o, const char *key, int64_t sec) {
	char text[TT_RFC3339_LEN];
	json_object_set_new(o, key, json_string(tt_time_format(sec, text)));
}

// Probes for it (class scan) at all sensors, and each sensor's part.
static int add_traffic(const struct args *a, struct tt_store *s, const struct service *v, json_t *o,
	struct tt_err *err) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	q.by = TT_BY_NONE;
	q.has_port = true;
	q.proto = v->proto;
	q.port = v->port;
	int rc = span_read(a, s, &q.from, &q.to, err);
	if (rc || (rc = tt_store_query(s, &q, &r, err)) < 0)
		return rc;
	json_object_set_new(o, "timezone", json_string(tt_tz_name(tt_store_tz(s))));
	if (r.from != r.to) {
		set_time(o, "from", r.from);
		set_time(o, "to", r.to);
	}
	json_object_set_new(
		o, "completeness", r.completeness >= 0 ? json_real(r.completeness) : json_null());
	if (r.row_n) {
		json_object_set_new(o, "packets", json_integer((json_int_t)r.rows[0].packets));
		json_object_set_new(o, "sources", json_integer((json_int_t)r.rows[0].sources));
		json_object_set_new(o, "sources_error", json_real(r.rows[0].sources_error));
		json_object_set_new(
			o, "rate", r.rows[0].has_rate ? json_real(r.rows[0].rate) : json_null());
	}
	tt_result_free(&r);
	return 0;
}

static int show_service(
	const struct args *a, struct tt_store *s, struct service *v, enum tt_format format) {
	struct tt_err err = {""};
	v->services = services_open(a, s, &err);
	if (!v->services)
		return complain(USAGE, "show: %s", err.msg);
	if (arg(a, "kev") && !(v->kev = tt_kev_load(arg(a, "kev"), &err)))
		return complain(USAGE, "show: %s", err.msg);
	json_t *o = tt_service_json(v->services, v->kev, v->proto, v->port);
	if (!o)
		return complain(FAILED, "show: %s", strerror(ENOMEM));
	if (v->kev)
		json_object_set_new(o, "kev", json_string(tt_kev_date(v->kev)));
	int rc = s ? add_traffic(a, s, v, o, &err) : 0;
	if (!rc)
		return show_document(a, o, format);
	json_decref(o);
	return complain(rc == -EINVAL ? USAGE : FAILED, "show: %s", err.msg);
}

int show_port(const struct args *a, enum tt_format format) {
	struct service v = {0};
	struct tt_store *s = NULL;
	int status = DONE;
	if (tt_service_parse(arg(a, "port"), &v.proto, &v.port))
		return complain(USAGE,
			"show: --port: '%s', expected protocol/port, as tcp/8728 or icmp/8",
			arg(a, "port"));
	if (arg(a, "db") && !(s = open_db(a, &status)))
		return status;
	status = show_service(a, s, &v, format);
	tt_kev_destroy(&v.kev);
	tt_services_destroy(&v.services);
	if (s)
		tt_store_close(&s, NULL);
	return status;
}
