/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "services.h"
#include "tt_conf.h"
#include "tt_file.h"
#include "tt_knowledge.h"

#define SYSTEM_SERVICES "/etc/services"
#define SYSTEM_MAX	(16u << 20) // bytes of it

// Offsets into one pool of names; 0: no name (the pool begins with an empty one).
struct tt_services {
	uint32_t at[2][65536];	 // tcp, udp
	uint16_t fact[2][65536]; // index + 1 in the file's list
	struct tt_buf names;
	uint32_t system_from, system_to; // names between are the system's
	json_t *root;			 // services.json; NULL without
	struct tt_service_set *malware;	 // by name
	unsigned malware_n;
	struct tt_err fault; // of the system's file
};

static int table_of(int proto) {
	return proto == 6 ? 0 : proto == 17 ? 1 : -1;
}

// The first name of a port stays.
static int add(struct tt_services *s, int proto, unsigned port, const char *name) {
	int t = table_of(proto);
	if (t < 0 || port > 65535 || !*name || s->at[t][port])
		return 0;
	uint32_t at = (uint32_t)s->names.len;
	int rc = tt_buf_append(&s->names, name, strlen(name) + 1);
	if (!rc)
		s->at[t][port] = at;
	return rc;
}

static int add_all(
	struct tt_services *s, const json_t *root, const char *name, struct tt_err *err) {
	json_t *row;
	size_t i;
	json_array_foreach(json_object_get(root, "services"), i, row) {
		const char *proto = json_string_value(json_object_get(row, "proto"));
		const char *text = json_string_value(json_object_get(row, "name"));
		json_int_t port = json_integer_value(json_object_get(row, "port"));
		int rc = 0;
		int t = proto ? table_of(tt_proto_parse(proto)) : -1;
		if (t >= 0 && port >= 0 && port <= 65535 && i < UINT16_MAX)
			s->fact[t][port] = (uint16_t)(i + 1);
		if (proto && text && port >= 0)
			rc = add(s, tt_proto_parse(proto), (unsigned)port, text);
		if (rc)
			return tt_err_set(
				err, rc, "%s: $.services[%zu]: %s", name, i, strerror(-rc));
	}
	return 0;
}

// Names are an ornament and the file is the system's: what is wrong with it is kept to be told.
static int load_system(struct tt_services *s) {
	struct tt_buf b = TT_BUF_INIT(SYSTEM_MAX);
	unsigned rows;
	int rc = tt_file_read_text(SYSTEM_SERVICES, &b, &s->fault);
	if (!rc)
		rc = services_etc(s, (char *)b.data, SYSTEM_SERVICES, true, &rows, &s->fault);
	else if (rc == -ENOENT)
		s->fault.msg[0] = '\0';
	tt_buf_free(&b);
	return rc == -ENOMEM ? rc : 0;
}

const char *tt_services_fault(const struct tt_services *s) {
	return s->fault.msg[0] ? s->fault.msg : NULL;
}

static struct tt_service_set *family(struct tt_services *s, const char *name) {
	for (unsigned i = 0; i < s->malware_n; i++)
		if (!strcasecmp(s->malware[i].name, name))
			return &s->malware[i];
	struct tt_service_set *more = realloc(s->malware, (s->malware_n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->malware = more;
	more[s->malware_n] = (struct tt_service_set){.name = name};
	return &more[s->malware_n++];
}

static int add_family(struct tt_services *s, const char *name, struct tt_service service) {
	struct tt_service_set *f = family(s, name);
	if (!f)
		return -ENOMEM;
	// written in two ways at one service
	const struct tt_service *last = f->service_n ? &f->services[f->service_n - 1] : NULL;
	if (last && last->proto == service.proto && last->port == service.port)
		return 0;
	struct tt_service *more =
		realloc((struct tt_service *)f->services, (f->service_n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[f->service_n++] = service;
	f->services = more;
	return 0;
}

static int by_name_of(const void *x, const void *y) {
	const struct tt_service_set *a = x, *b = y;
	return strcmp(a->name, b->name);
}

// The lists of malware of all services, turned round; names stay the file's.
static int add_families(struct tt_services *s) {
	json_t *row, *name;
	size_t i, j;
	int rc = 0;
	json_array_foreach(json_object_get(s->root, "services"), i, row) {
		int proto = tt_proto_parse(json_string_value(json_object_get(row, "proto")));
		json_int_t port = json_integer_value(json_object_get(row, "port"));
		json_array_foreach(json_object_get(row, "malware"), j, name) if (!rc) rc =
			add_family(s, json_string_value(name),
				(struct tt_service){(uint8_t)proto, (uint16_t)port});
	}
	if (s->malware_n)
		qsort(s->malware, s->malware_n, sizeof(*s->malware), by_name_of);
	return rc;
}

const struct tt_service_set *tt_services_malware(const struct tt_services *s, unsigned *n) {
	*n = s ? s->malware_n : 0;
	return s ? s->malware : NULL;
}

const struct tt_service_set *tt_services_malware_find(
	const struct tt_services *s, const char *name) {
	for (unsigned i = 0; s && i < s->malware_n; i++)
		if (!strcasecmp(s->malware[i].name, name))
			return &s->malware[i];
	return NULL;
}

// Takes root over.
static struct tt_services *create(json_t *root, const char *name, struct tt_err *err) {
	struct tt_services *s = calloc(1, sizeof(*s));
	int rc = s ? 0 : -ENOMEM;
	if (s) {
		s->names = (struct tt_buf)TT_BUF_INIT(64u << 20);
		rc = tt_buf_append(&s->names, "", 1);
	}
	if (rc)
		tt_err_set(err, rc, "names of services: %s", strerror(-rc));
	else
		rc = add_all(s, root, name, err);
	if (!rc) {
		s->root = json_incref(root);
		rc = add_families(s);
	}
	if (!rc) {
		s->system_from = (uint32_t)s->names.len;
		rc = load_system(s);
		s->system_to = (uint32_t)s->names.len;
		if (rc)
			tt_err_set(err, rc, "%s: %s", SYSTEM_SERVICES, strerror(-rc));
	}
	json_decref(root);
	if (rc) {
		tt_services_destroy(&s);
		errno = -rc;
	}
	return s;
}

struct tt_services *tt_services_load(const char *path, struct tt_err *err) {
	json_t *root = NULL;
	int rc = path ? tt_conf_load(path, "services", &root, err) : 0;
	if (!rc)
		return create(root, path, err);
	errno = -rc;
	return NULL;
}

struct tt_services *tt_services_loads(const char *text, const char *name, struct tt_err *err) {
	json_t *root = NULL;
	int rc = tt_conf_loads(text, strlen(text), name, "services", &root, err);
	if (!rc)
		return create(root, name, err);
	errno = -rc;
	return NULL;
}

void tt_services_destroy(struct tt_services **s) {
	if (!*s)
		return;
	tt_buf_free(&(*s)->names);
	for (unsigned i = 0; i < (*s)->malware_n; i++)
		free((struct tt_service *)(*s)->malware[i].services);
	free((*s)->malware);
	json_decref((*s)->root);
	free(*s);
	*s = NULL;
}

const char *tt_services_name(const struct tt_services *s, uint8_t proto, uint16_t port) {
	int t = table_of(proto);
	if (!s || t < 0 || !s->at[t][port])
		return NULL;
	return (const char *)s->names.data + s->at[t][port];
}

int services_rename(struct tt_services *s, int proto, unsigned port, const char *name) {
	int t = table_of(proto);
	if (t >= 0 && port <= 65535 && s->at[t][port] >= s->system_from &&
		s->at[t][port] < s->system_to)
		s->at[t][port] = 0;
	return add(s, proto, port, name);
}

const json_t *tt_services_facts(const struct tt_services *s, uint8_t proto, uint16_t port) {
	int t = table_of(proto);
	const json_t *list = s ? json_object_get(s->root, "services") : NULL, *row;
	size_t i;
	if (t >= 0)
		return s && s->fact[t][port] ? json_array_get(list, s->fact[t][port] - 1u) : NULL;
	json_array_foreach(list, i, row) {
		const char *name = json_string_value(json_object_get(row, "proto"));
		if (name && tt_proto_parse(name) == proto &&
			json_integer_value(json_object_get(row, "port")) == port)
			return row;
	}
	return NULL;
}
