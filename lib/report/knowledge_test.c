/* SPDX-License-Identifier: BSD-3-Clause */
// What was published about services, from a catalogue written by hand in the form of CISA's.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_file.h"
#include "tt_knowledge.h"

static char path[64];

static const char *put(const char *text) {
	struct tt_err err;
	snprintf(path, sizeof(path), "/tmp/teiten-knowledge-%d", (int)getpid());
	if (tt_file_write(path, text, strlen(text), 0600, &err))
		fail_msg("%s", err.msg);
	return path;
}

static int remove_file(void **state) {
	unlink(path);
	return 0;
}

#define ROW(cve, date, use)                                                                        \
	"{\"cveID\":\"" cve "\",\"vendorProject\":\"Example\",\"product\":\"Router\","             \
	"\"vulnerabilityName\":\"Example Router Code Injection\",\"dateAdded\":\"" date "\","      \
	"\"shortDescription\":\"...\",\"knownRansomwareCampaignUse\":\"" use "\",\"cwes\":[]}"
#define CATALOG(count, rows)                                                                       \
	"{\"title\":\"CISA Catalog of Known Exploited Vulnerabilities\",\"catalogVersion\":"       \
	"\"2024.12.18\",\"dateReleased\":\"2024-12-18T16:45:47.0648Z\",\"count\":" count           \
	",\"vulnerabilities\":[" rows "]}"

static struct tt_kev *catalog(void) {
	struct tt_err err = {""};
	struct tt_kev *k = tt_kev_load(
		put(CATALOG("4",
			ROW("CVE-2018-14847", "2021-12-01", "Unknown") "," ROW("CVE-2024-0001",
				"2024-11-20", "Known") "," ROW("CVE-2023-30799", "2024-10-05",
				"Unknown") "," ROW("CVE-2018-14847", "2021-12-01", "Unknown"))),
		&err);
	if (!k)
		fail_msg("%s", err.msg);
	return k;
}

static struct tt_services *services(void) {
	struct tt_err err = {""};
	struct tt_services *s = tt_services_loads(
		"{\"kind\":\"services\",\"v\":1,\"services\":["
		"{\"proto\":\"tcp\",\"port\":8728,\"name\":null,\"about\":{\"en\":\"MikroTik "
		"API\"},\"products\":[\"MikroTik RouterOS\"],\"malware\":[\"Example\"],\"cves\":["
		"\"CVE-2018-14847\",\"CVE-2020-9999\",\"CVE-2024-0001\",\"CVE-2023-30799\"],"
		"\"source\":\"by hand\"},"
		"{\"proto\":\"icmp\",\"port\":2048,\"about\":{\"en\":\"Ping\"},\"source\":[\"RFC "
		"792\",\"IANA\"]}]}",
		"services", &err);
	if (!s)
		fail_msg("%s", err.msg);
	return s;
}

static void a_catalogue_answers_by_id(void **state) {
	struct tt_kev *k = catalog();
	assert_int_equal(tt_kev_count(k), 3); // one is there twice, and says the same
	assert_string_equal(tt_kev_date(k), "2024-12-18");
	const struct tt_kev_entry *e = tt_kev_find(k, "CVE-2024-0001");
	assert_non_null(e);
	assert_string_equal(e->added, "2024-11-20");
	assert_string_equal(e->vendor, "Example");
	assert_true(e->ransomware);
	assert_false(tt_kev_find(k, "CVE-2018-14847")->ransomware);
	assert_null(tt_kev_find(k, "CVE-2018-1484"));
	assert_null(tt_kev_find(NULL, "CVE-2018-14847"));
	tt_kev_destroy(&k);
	assert_null(k);
}

static void what_was_published_stands_beside_a_service(void **state) {
	const struct tt_kev_entry *e[2];
	struct tt_kev *k = catalog();
	struct tt_services *s = services();
	assert_int_equal(tt_service_exploited(s, k, 6, 8728, NULL, NULL, e, 2), 3);
	assert_string_equal(e[0]->cve, "CVE-2024-0001"); // the latest first
	assert_string_equal(e[1]->cve, "CVE-2023-30799");
	// in a quarter
	assert_int_equal(tt_service_exploited(s, k, 6, 8728, "2024-10-01", "2024-11-20", e, 2), 1);
	assert_string_equal(e[0]->cve, "CVE-2023-30799");
	assert_int_equal(tt_service_exploited(s, k, 17, 8728, NULL, NULL, e, 2), 0);
	assert_int_equal(tt_service_exploited(s, NULL, 6, 8728, NULL, NULL, e, 2), 0);
	json_t *o = tt_service_json(s, k, 6, 8728);
	char *text = json_dumps(json_object_get(o, "cves"), JSON_COMPACT);
	assert_string_equal(text,
		"[{\"cve\":\"CVE-2024-0001\",\"exploited\":\"2024-11-20\",\"vendor\":\"Example\","
		"\"product\":\"Router\",\"name\":\"Example Router Code Injection\",\"ransomware\":"
		"true},{\"cve\":\"CVE-2023-30799\",\"exploited\":\"2024-10-05\",\"vendor\":"
		"\"Example\",\"product\":\"Router\",\"name\":\"Example Router Code Injection\","
		"\"ransomware\":false},{\"cve\":\"CVE-2018-14847\",\"exploited\":\"2021-12-01\","
		"\"vendor\":\"Example\",\"product\":\"Router\",\"name\":\"Example Router Code "
		"Injection\",\"ransomware\":false},{\"cve\":\"CVE-2020-9999\",\"exploited\":null}"
		"]");
	free(text);
	json_decref(o);
	o = tt_service_json(s, NULL, 1, 8 << 8);
	text = json_dumps(o, JSON_COMPACT);
	assert_string_equal(text,
		"{\"proto\":\"icmp\",\"port\":null,\"type\":8,\"code\":0,\"service\":null,"
		"\"about\":"
		"{\"en\":\"Ping\"},\"products\":[],\"malware\":[],\"cves\":[],\"source\":[\"RFC "
		"792\",\"IANA\"]}");
	free(text);
	json_decref(o);
	tt_services_destroy(&s);
	tt_kev_destroy(&k);
}

static void wrong_catalogues_are_named(void **state) {
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", ":1:0: "},
		{"[]", " has no list $.vulnerabilities, expected CISA's catalogue"},
		{"{\"kind\":\"services\",\"v\":1,\"services\":[]}", " has no list"},
		{CATALOG("2", ROW("CVE-2018-14847", "2021-12-01", "Unknown")),
			" $.count: is 2, expected 1 as the list holds: the file was cut"},
		{CATALOG("1", ROW("2018-14847", "2021-12-01", "Unknown")),
			" $.vulnerabilities[0].cveID: is \"2018-14847\", expected an id"},
		{CATALOG("1", ROW("CVE-2018-14847", "1 December", "Unknown")),
			" $.vulnerabilities[0].dateAdded: is \"1 December\", expected a date"},
		{CATALOG("1", "{\"cveID\":\"CVE-2018-14847\"}"),
			" $.vulnerabilities[0].dateAdded: is missing, expected a date"},
		{CATALOG("1", "7"), " $.vulnerabilities[0].cveID: is missing"},
		{CATALOG("2", ROW("CVE-2018-14847", "2021-12-01", "Unknown") "," ROW(
				      "CVE-2018-14847", "2022-12-01", "Unknown")),
			" lists CVE-2018-14847 twice, added on "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tt_err err = {""};
		assert_null(tt_kev_load(put(cases[i].text), &err));
		if (strncmp(err.msg, path, strlen(path)) || !strstr(err.msg, cases[i].message))
			fail_msg("\"%s\" for case %zu", err.msg, i);
		assert_int_equal(errno, EINVAL);
	}
	assert_null(tt_kev_load("/nonexistent/kev.json", NULL));
	assert_int_equal(errno, ENOENT);
}

static void every_cut_of_a_catalogue_is_refused(void **state) {
	static const char whole[] =
		CATALOG("2", ROW("CVE-2018-14847", "2021-12-01", "Unknown") "," ROW(
				     "CVE-2024-0001", "2024-11-20", "Known"));
	for (size_t n = 0; n + 1 < sizeof(whole); n += 7) {
		struct tt_err err = {""};
		char *cut = strndup(whole, n);
		assert_null(tt_kev_load(put(cut), &err));
		assert_non_null(strstr(err.msg, path));
		free(cut);
	}
}

#define HEAD "Service Name,Port Number,Transport Protocol,Description,Assignee\n"

static void names_of_the_registry_replace_the_systems(void **state) {
	struct tt_err err = {""};
	struct tt_services *s = tt_services_loads(
		"{\"kind\":\"services\",\"v\":1,\"services\":[{\"proto\":\"tcp\",\"port\":23,"
		"\"name\":\"ours\",\"source\":\"by hand\"}]}",
		"services", &err);
	assert_non_null(s);
	put(HEAD "telnet,23,tcp,Telnet,[Postel]\r\n"
		 "registered,22,tcp,\"The \"\"SSH\"\"\nprotocol, in two lines\",\n"
		 "second,22,tcp,,\n"
		 ",8728,tcp,Unassigned,\n"
		 "span,225-227,udp,Several,\n"
		 "noport,,tcp,A name only,\n"
		 "other,9,sctp,Another protocol,\n");
	if (tt_services_iana(s, path, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(tt_services_name(s, 6, 23), "ours");
	assert_string_equal(tt_services_name(s, 6, 22), "registered");
	assert_string_equal(tt_services_name(s, 17, 227), "span");
	assert_null(tt_services_name(s, 6, 8728));
	static const char *const wrong[][2] = {
		{"", " is empty, expected IANA's CSV"},
		{HEAD, ":1: holds no rows"},
		{HEAD "x\xff,1,tcp,,\n", ":2: has bytes that are no UTF-8"},
		{"kind,port\n", ":1: has 2 fields, expected Service Name"},
		{"a,b,c\n", ":1: begins with \"a\", expected the head of IANA's"},
		{HEAD "x,70000,tcp,,\n", ":2: has the port \"70000\", expected 0 to 65535"},
		{HEAD "x,7-5,tcp,,\n", ":2: has the port \"7-5\""},
		{HEAD "x,1,tcp,\"a\nb\",\nx,2\n", ":4: has 2 fields"},
		{HEAD "x,1,tcp,\"cut", ":2: has a quote that is not closed"},
		{"# a list, of names\n", ":1: holds no rows"},
		{"telnet 23/tcp\nx 70000/tcp\n", ":2: has \"x 70000/tcp\", expected a name and"},
		{"telnet 23/tcp # a\n\nx 23/tcp\n", ":3: names 23/tcp as row 1 does"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		put(wrong[i][0]);
		assert_true(tt_services_iana(s, path, &err) < 0);
		if (strncmp(err.msg, path, strlen(path)) || !strstr(err.msg, wrong[i][1]))
			fail_msg("\"%s\" for case %zu", err.msg, i);
	}
	tt_services_destroy(&s);
}

// The shipped table: every entry with knowledge names its source, and what the registry does not
// say is there.
static void the_shipped_table_says_what_matters(void **state) {
	static const struct {
		uint8_t proto;
		uint16_t port;
		const char *product;
	} known[] = {{6, 8728, "MikroTik RouterOS"}, {6, 8291, "MikroTik RouterOS"},
		{6, 37215, "Huawei HG532"}, {6, 6379, "Redis"}, {6, 445, "Microsoft Windows"}};
	struct tt_err err = {""};
	char file[4096];
	unsigned n = 0;
	snprintf(file, sizeof(file), "%s/../../config/services.json", getenv("TT_SOURCE_DIR"));
	struct tt_services *s = tt_services_load(file, &err);
	if (!s)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const json_t *facts = tt_services_facts(s, known[i].proto, known[i].port);
		const json_t *products = json_object_get(facts, "products");
		assert_string_equal(
			json_string_value(json_array_get(products, 0)), known[i].product);
	}
	for (unsigned port = 0; port < 65536; port++)
		for (int udp = 0; udp < 2; udp++) {
			const json_t *f = tt_services_facts(s, udp ? 17 : 6, (uint16_t)port);
			const json_t *about = f ? json_object_get(f, "about") : NULL;
			if (!about || !json_object_size(about))
				continue;
			assert_true(json_is_string(json_object_get(about, "en")));
			assert_true(json_is_string(json_object_get(about, "ja")));
			n++;
		}
	assert_true(n >= 60);
	// with the real catalogue, where it is: what the table calls exploited is in it
	const char *data = getenv("TEITEN_DATA");
	snprintf(file, sizeof(file), "%s/kev.json", data ? data : "");
	struct tt_kev *kev = data ? tt_kev_load(file, &err) : NULL;
	for (unsigned port = 0; kev && port < 65536; port++)
		for (int udp = 0; udp < 2; udp++) {
			const json_t *f = tt_services_facts(s, udp ? 17 : 6, (uint16_t)port);
			char *text = f ? json_dumps(json_object_get(f, "source"), JSON_ENCODE_ANY)
				       : NULL;
			if (text && strstr(text, "Known Exploited"))
				assert_true(tt_service_exploited(s, kev, udp ? 17 : 6,
						    (uint16_t)port, NULL, NULL, NULL, 0) > 0);
			free(text);
		}
	if (!kev)
		print_message("$TEITEN_DATA/kev.json: not here, not tried\n");
	tt_kev_destroy(&kev);
	tt_services_destroy(&s);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_catalogue_answers_by_id, remove_file),
		cmocka_unit_test_teardown(what_was_published_stands_beside_a_service, remove_file),
		cmocka_unit_test_teardown(wrong_catalogues_are_named, remove_file),
		cmocka_unit_test_teardown(every_cut_of_a_catalogue_is_refused, remove_file),
		cmocka_unit_test_teardown(names_of_the_registry_replace_the_systems, remove_file),
		cmocka_unit_test(the_shipped_table_says_what_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
