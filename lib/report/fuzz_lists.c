/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as the files that analysts bring: IANA's CSV, CISA's catalogue, verdicts, contacts, who
// was told when, and services.json. The first byte says which; the file is a memfd. What is refused
// is refused in one line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed.h"
#include "tt_findings.h"
#include "tt_knowledge.h"
#include "tt_page.h"
#include "tt_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tt_tz *tz;

static int iana(const char *path, struct tt_err *err) {
	static struct tt_services *s;
	if (!s && !(s = tt_services_loads(
			    "{\"kind\":\"services\",\"v\":1,\"services\":[]}", "fuzz", err)))
		abort();
	return tt_services_iana(s, path, err);
}

static int kev(const char *path, struct tt_err *err) {
	struct tt_kev *k = tt_kev_load(path, err);
	int rc = k ? 0 : -1;
	tt_kev_destroy(&k);
	return rc;
}

static int verdicts(const char *path, struct tt_err *err) {
	struct tt_verdict *v = NULL;
	size_t n = 0;
	int rc = tt_verdicts_read(tz, path, &v, &n, err);
	free(v);
	return rc;
}

static int contacts(const char *path, struct tt_err *err) {
	struct contacts c;
	int rc = contacts_load(&c, path, err);
	contacts_free(&c);
	return rc;
}

static int told(const char *path, struct tt_err *err) {
	struct told t;
	int rc = told_load(&t, path, err);
	for (size_t i = 1; !rc && i < t.n; i++)
		if (tt_addr_cmp(&t.rows[i - 1].source, &t.rows[i].source) > 0)
			abort();
	free(t.rows);
	return rc;
}

static int services(const char *path, struct tt_err *err) {
	struct tt_services *s = tt_services_load(path, err);
	int rc = s ? 0 : -1;
	tt_services_destroy(&s);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static int (*const kinds[])(const char *, struct tt_err *) = {
		iana, kev, verdicts, contacts, told, services};
	struct tt_err err = {""};
	char path[64];
	if (!tz && !(tz = tt_tz_create("Asia/Tokyo", &err)))
		abort();
	if (!size)
		return 0;
	(void)tt_lang_parse((char[3]){(char)data[0], (char)data[size - 1], 0});
	int fd = memfd_create("list", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (kinds[data[0] % 6](path, &err) && (!err.msg[0] || strchr(err.msg, '\n')))
		abort();
	close(fd);
	return 0;
}
