/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as the report.json of an earlier report (--previous): what is refused is refused in one
// line, and what is taken gives each row of a table a rank within the depth, "outside" or null, and
// names to what left the tables.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "page/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEEP 10

static const char document[] =
	"{\"scope\":{\"country\":\"JP\",\"group\":null},\"timezone\":\"Asia/Tokyo\","
	"\"class\":\"scan\",\"rank\":\"rate\",\"surveyors\":\"with\",\"previous\":{},"
	"\"table1\":{\"rows\":[{\"rank\":1,\"proto\":\"tcp\",\"port\":23,\"service\":\"telnet\"},"
	"{\"rank\":2,\"proto\":\"icmp\",\"port\":null},{\"rank\":null,\"proto\":null,\"port\":"
	"\"mixed\"}]},\"table2\":{\"rows\":[{\"rank\":1,\"region\":\"US\"},{\"rank\":null,"
	"\"region\":\"--\"}]},\"ranks\":{\"services\":[{\"rank\":1,\"proto\":\"tcp\",\"port\":23},"
	"{\"rank\":2,\"proto\":\"icmp\",\"port\":null}],\"regions\":[{\"rank\":1,\"region\":"
	"\"US\"}]}}";

static void check_rows(const json_t *doc, const char *table) {
	const json_t *row, *is;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(doc, table), "rows"), i, row) {
		is = json_object_get(row, "previous_rank");
		const char *text = json_string_value(is);
		if (json_is_integer(is) ? json_integer_value(is) > DEEP
			: text		? strcmp(text, "outside")
					: !json_is_null(is))
			abort();
	}
}

static void name_left(const struct page *p) {
	const json_t *left = json_object_get(p->doc, "left"), *row;
	char name[NAME_LEN];
	size_t i;
	for (unsigned l = 0; l < 2; l++) {
		json_array_foreach(json_object_get(left, "services"), i, row)
			service_name(l, row, name);
		json_array_foreach(json_object_get(left, "regions"), i, row)
			region_name(p, l, row, name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char path[64];
	int fd = memfd_create("previous", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct tt_page_conf conf = {.previous = path};
	struct tt_err err = {""};
	struct page p = {.conf = &conf,
		.err = &err,
		.doc = json_loads(document, 0, NULL),
		.from = 1727708400, // 2024-10-01T00:00:00+09:00
		.to = 1735657200,
		.top = 5,
		.previous_top = DEEP};
	if (!p.doc)
		abort();
	if (previous_apply(&p)) {
		if (!err.msg[0] || strchr(err.msg, '\n'))
			abort();
	} else {
		check_rows(p.doc, "table1");
		check_rows(p.doc, "table2");
		name_left(&p);
	}
	json_decref(p.doc);
	close(fd);
	return 0;
}
