/* SPDX-License-Identifier: BSD-3-Clause */
// services(5), the form of Debian's /etc/services: name port/protocol [alias...] [# comment]
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services.h"
#include "tt_names.h"

// Protocols that services(5) of Debian names besides; nothing of them is counted by port.
static const char *const others[] = {"sctp", "dccp", "ddp", "udplite"};

struct file {
	const char *path;
	uint32_t (*seen)[65536]; // tcp, udp: the row that named a port
	unsigned row;
};

static bool is_other(const char *proto) {
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!strcmp(proto, others[i]))
			return true;
	return false;
}

// "23/telnet" is none: -1; the port otherwise, with what stands behind the slash.
static int read_port(const char *text, const char **proto) {
	char *end;
	if (*text < '0' || *text > '9')
		return -1;
	unsigned long port = strtoul(text, &end, 10);
	*proto = end + 1;
	return *end == '/' && port <= 65535 ? (int)port : -1;
}

static int add_row(struct tt_services *s, struct file *f, char *line, struct tt_err *err) {
	static const char blank[] = " \t\r";
	char *rest = line, *save;
	const char *name, *service, *protocol = "";
	line[strcspn(line, "#")] = '\0';
	if (!(name = strtok_r(rest, blank, &save)))
		return 0;
	service = strtok_r(NULL, blank, &save);
	int port = service ? read_port(service, &protocol) : -1;
	if (port < 0)
		return tt_err_set(err, -EINVAL,
			"%s:%u: has \"%.24s%s%.24s\", expected a name and port/protocol, as telnet "
			"23/tcp",
			f->path, f->row, name, service ? " " : "", service ? service : "");
	if (is_other(protocol))
		return 0;
	int t = !strcmp(protocol, "tcp") ? 0 : !strcmp(protocol, "udp") ? 1 : -1;
	if (t < 0)
		return tt_err_set(err, -EINVAL,
			"%s:%u: has the protocol \"%.24s\", expected tcp, udp, sctp, dccp, ddp or "
			"udplite",
			f->path, f->row, protocol);
	if (f->seen[t][port])
		return tt_err_set(err, -EINVAL, "%s:%u: names %d/%s as row %u does, expected once",
			f->path, f->row, port, protocol, f->seen[t][port]);
	f->seen[t][port] = f->row;
	return services_rename(s, t ? 17 : 6, (unsigned)port, name);
}

int services_etc(struct tt_services *s, char *text, const char *path, bool system, unsigned *rows,
	struct tt_err *err) {
	struct file f = {path, calloc(2, sizeof(*f.seen)), 0};
	struct tt_err one;
	int rc = f.seen ? 0 : tt_err_set(err, -ENOMEM, "%s: %s", path, strerror(ENOMEM)), first = 0;
	*rows = 0;
	for (char *next = text; !rc && next;) {
		char *line = strsep(&next, "\n");
		f.row++;
		rc = add_row(s, &f, line, first ? &one : err);
		if (rc == -EINVAL && system) { // what is right of it is used
			first = first ? first : rc;
			rc = 0;
		}
	}
	for (unsigned i = 0; f.seen && i < 65536; i++)
		*rows += (f.seen[0][i] != 0) + (f.seen[1][i] != 0);
	free(f.seen);
	return rc ? rc : first;
}
