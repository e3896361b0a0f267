/* SPDX-License-Identifier: BSD-3-Clause */
// IANA's service-names-port-numbers.csv (RFC 4180), or a file as /etc/services: names that take the
// place of the system's.
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "services.h"
#include "tt_buf.h"
#include "tt_file.h"
#include "tt_names.h"

#define IANA_MAX (64u << 20) // bytes of the file
#define FIELDS	 3	     // Service Name,Port Number,Transport Protocol; the rest is passed over

struct csv {
	const char *path;
	char *at;     // text of what is not read yet
	unsigned row; // line of the record that is being read
	unsigned lines;
};

// One field, in place; *last where the record ends with it. -EINVAL for a quote that does not
// close.
static int next_field(struct csv *c, char **field, bool *last) {
	char *in = c->at, *out = in;
	*field = in;
	if (*in == '"') {
		for (in++;; in++) {
			if (in[0] == '"' && in[1] == '"')
				in++;
			else if (*in == '"')
				break;
			else if (!*in)
				return -EINVAL;
			c->lines += *in == '\n';
			*out++ = *in;
		}
		in++;
	} else {
		while (*in && *in != ',' && *in != '\n' && *in != '\r')
			in++;
		out = in;
	}
	if (*in == '\r')
		in++;
	if (*in && *in != ',' && *in != '\n')
		return -EINVAL;
	*last = *in != ',';
	c->lines += *in == '\n';
	c->at = in + (*in != '\0');
	*out = '\0';
	return 0;
}

// The first fields of a record; 1, 0 at the end.
static int next_record(struct csv *c, char *fields[FIELDS], struct tt_err *err) {
	bool last = false;
	if (!*c->at)
		return 0;
	c->row = c->lines + 1;
	for (unsigned n = 0; !last; n++) {
		char *field;
		if (next_field(c, &field, &last))
			return tt_err_set(err, -EINVAL,
				"%s:%u: has a quote that is not closed, expected CSV", c->path,
				c->row);
		if (n < FIELDS)
			fields[n] = field;
		else if (n == FIELDS)
			continue;
		if (last && n + 1 < FIELDS)
			return tt_err_set(err, -EINVAL,
				"%s:%u: has %u fields, expected Service Name,Port Number,Transport "
				"Protocol,...",
				c->path, c->row, n + 1);
	}
	return 1;
}

// "80", "225-241"; false for a record without a port.
static bool read_ports(const char *text, unsigned *first, unsigned *last) {
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	unsigned long a = strtoul(text, &end, 10), b = a;
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		b = strtoul(end + 1, &end, 10);
	*first = (unsigned)a;
	*last = (unsigned)b;
	return !*end && a <= b && b <= 65535;
}

static int add_record(struct tt_services *s, const struct csv *c, char **f, struct tt_err *err) {
	unsigned first, last;
	int proto = *f[2] ? tt_proto_parse(f[2]) : -1;
	if (!*f[1] || !*f[0] || proto < 0)
		return 0; // a name without a port, a port without a name, SCTP and DCCP by name
	if (!read_ports(f[1], &first, &last))
		return tt_err_set(err, -EINVAL,
			"%s:%u: has the port \"%.24s\", expected 0 to 65535", c->path, c->row,
			f[1]);
	for (unsigned port = first; port <= last; port++) {
		int rc = services_rename(s, proto, port, f[0]);
		if (rc)
			return tt_err_set(err, rc, "%s: %s", c->path, strerror(-rc));
	}
	return 0;
}

static int read_csv(struct tt_services *s, struct csv c, unsigned *rows, struct tt_err *err) {
	char *f[FIELDS];
	int rc = 0;
	if ((rc = next_record(&c, f, err)) > 0)
		rc = strcmp(f[0], "Service Name") || strcmp(f[1], "Port Number") ||
				     strcmp(f[2], "Transport Protocol")
			     ? tt_err_set(err, -EINVAL,
				       "%s:1: begins with \"%.24s\", expected the head of IANA's "
				       "service-names-port-numbers.csv",
				       c.path, f[0])
			     : 0;
	while (!rc && (rc = next_record(&c, f, err)) > 0)
		if (!(rc = add_record(s, &c, f, err)))
			(*rows)++;
	return rc;
}

int tt_services_iana(struct tt_services *s, const char *path, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(IANA_MAX);
	unsigned rows = 0;
	int rc = tt_file_read_text(path, &b, err);
	char *text = (char *)b.data;
	if (!rc && !b.len)
		rc = tt_err_set(err, -EINVAL, "%s: is empty, expected IANA's CSV", path);
	if (!rc)
		rc = text[strcspn(text, ",#\n")] == ',' // its head is CSV, or meant to be
			     ? read_csv(s, (struct csv){.path = path, .at = text}, &rows, err)
			     : services_etc(s, text, path, false, &rows, err);
	if (!rc && !rows)
		rc = tt_err_set(err, -EINVAL,
			"%s:1: holds no rows, expected IANA's CSV or the form of /etc/services",
			path);
	tt_buf_free(&b);
	return rc;
}
