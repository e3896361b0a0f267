/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_conf.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "option.h"
#include "tt_buf.h"
#include "tt_file.h"
#include "tt_names.h"

static json_t *load(const char *text) {
	struct tt_err err = {""};
	json_t *root;
	if (tt_conf_loads(text, strlen(text), "f.json", NULL, &root, &err) != 0)
		fail_msg("%s", err.msg);
	return root;
}

static void refused(const char *text, const char *message) {
	struct tt_err err = {""};
	json_t *root;
	assert_int_equal(tt_conf_loads(text, strlen(text), "f.json", NULL, &root, &err), -EINVAL);
	assert_null(root);
	assert_string_equal(err.msg, message);
}

static json_t *at(const json_t *root, const char *a, const char *b) {
	json_t *v = json_object_get(root, a);
	return b ? json_object_get(v, b) : v;
}

static void every_kind_accepts_its_example_and_what_comes_out(void **state) {
	for (const char *const *k = tt_conf_kinds(); *k; k++) {
		json_t *root = load(kind_find(*k)->example);
		char *text = json_dumps(root, 0);
		json_t *again = load(text);
		assert_true(json_equal(root, again));
		json_decref(again);
		json_decref(root);
		free(text);
	}
}

static void defaults_are_put_in(void **state) {
	json_t *root = load("{\"kind\":\"probe\",\"v\":1,\"probe\":\"p\"}");
	assert_int_equal(json_integer_value(at(root, "epoch_s", NULL)), 60);
	assert_int_equal(json_integer_value(at(root, "collector", "window")), 64);
	assert_int_equal(json_array_size(at(root, "packet", "vxlan_ports")), 1);
	assert_true(json_is_null(at(root, "flow", "overflow")));
	assert_string_equal(json_string_value(at(root, "eal", "hugepages")), "auto");
	json_decref(root);
	root = load("{\"kind\":\"collector\",\"v\":1}");
	assert_int_equal(json_integer_value(at(root, "raw_days", NULL)), 200);
	assert_string_equal(json_string_value(at(root, "timezone", NULL)), "UTC");
	json_decref(root);
}

static void syntax_errors_name_line_and_column(void **state) {
	refused("{\"kind\":\"probe\",\n  \"v\": 1,,}",
		"f.json:2:10: string or '}' expected near ','");
	refused("", "f.json:1:0: '[' or '{' expected near end of file");
}

static void duplicate_and_unknown_keys_are_errors(void **state) {
	refused("{\"kind\":\"collector\",\"v\":1,\"db\":\"a\",\n\"db\":\"b\"}",
		"f.json:2:4: duplicate object key near '\"db\"'");
	refused("{\"kind\":\"probe\",\"v\":1,\"probe\":\"p\",\"eal\":{\"hugepage\":\"on\"}}",
		"f.json: $.eal.hugepage: is an unknown key, expected one of hugepages, memory_mb, "
		"args, telemetry");
	refused("{\"kind\":\"report\",\"v\":1,\"contact\":{\"a b\\n\":1}}",
		"f.json: $.contact[\"a b\\n\"]: is an unknown key, expected one of name, email, "
		"url");
}

#define CONTACT(name) "{\"kind\":\"report\",\"v\":1,\"contact\":{\"name\":" name "}}"

static void a_text_may_stand_for_both_languages(void **state) {
	json_t *root = load(CONTACT("\"Desk\""));
	assert_string_equal(
		json_string_value(json_object_get(at(root, "contact", NULL), "name")), "Desk");
	json_decref(root);
	root = load(CONTACT("{\"ja\":\"観測担当\"}"));
	json_decref(root);
	refused(CONTACT("7"),
		"f.json: $.contact.name: is 7, expected a text or an object of texts");
	refused(CONTACT("{\"de\":\"x\"}"),
		"f.json: $.contact.name.de: is an unknown key, expected one of en, ja");
	refused("{\"kind\":\"report\",\"v\":1,\"title\":\"x\"}",
		"f.json: $.title: is \"x\", expected an object");
}

static void kind_and_version_come_first(void **state) {
	refused("[]", "f.json: $: is a list of 0, expected an object with \"kind\" and \"v\"");
	refused("{}", "f.json: $.kind: is missing, expected one of \"probe\", \"sensors\", "
		      "\"watches\", \"collector\", \"services\", \"scanners\", "
		      "\"regions\", \"contacts\", \"report\"");
	refused("{\"kind\":\"probe\",\"v\":2,\"nonsense\":1}", "f.json: $.v: is 2, expected 1");
	struct tt_err err;
	json_t *root;
	const char *text = "{\"kind\":\"probe\",\"v\":1}";
	assert_int_equal(tt_conf_loads(text, strlen(text), "f", "sensors", &root, &err), -EINVAL);
	assert_string_equal(err.msg, "f: $.kind: is \"probe\", expected \"sensors\"");
	assert_int_equal(tt_conf_loads(text, strlen(text), "f", "soup", &root, &err), -EINVAL);
}

#define SENSOR(match)                                                                              \
	"{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\",\"match\":" match "}]}"

static void values_of_the_wrong_type_or_range_name_their_path(void **state) {
	refused(SENSOR("{\"prefixes\":[\"192.0.2.0/24\",\"192.0.2.1/24\"]}"),
		"f.json: $.sensors[0].match.prefixes[1]: is \"192.0.2.1/24\", expected an address "
		"or a "
		"prefix with no bits set past its length, as \"192.0.2.0/24\"");
	refused(SENSOR("{\"vlan\":[1,2,3,4,5]}"), "f.json: $.sensors[0].match.vlan: is a list of "
						  "5, expected a list of 1 to 4 or null");
	refused(SENSOR("{\"vlan\":[4095]}"), "f.json: $.sensors[0].match.vlan[0]: is 4095, "
					     "expected a whole number from 0 to 4094");
	refused(SENSOR("{\"vlan\":[1.5]}"), "f.json: $.sensors[0].match.vlan[0]: is 1.5, expected "
					    "a whole number from 0 to 4094");
	refused(SENSOR("{\"tunnel\":{\"type\":\"l2tp\"}}"),
		"f.json: $.sensors[0].match.tunnel.type: is \"l2tp\", expected \"gre\", "
		"\"erspan\", "
		"\"vxlan\", \"geneve\", \"ipip\" or \"6in4\"");
	refused(SENSOR("{\"tunnel\":{\"type\":\"gre\",\"vni\":7}}"),
		"f.json: $.sensors[0].match.tunnel.vni: is 7, expected none: it does not go with "
		"the "
		"tunnel type gre");
	refused(SENSOR("{\"tunnel\":{}}"),
		"f.json: $.sensors[0].match.tunnel.type: is missing, expected a value");
	refused("{\"kind\":\"probe\",\"v\":1,\"probe\":\"Tokyo\"}",
		"f.json: $.probe: is \"Tokyo\", expected an id of 1 to 32 characters a-z, 0-9, -");
	refused("{\"kind\":\"probe\",\"v\":1,\"probe\":\"p\",\"epoch_s\":7}",
		"f.json: $.epoch_s: is 7, expected a divisor of 3600");
	refused("{\"kind\":\"probe\",\"v\":1,\"probe\":\"p\",\"lcores\":{\"workers\":[2,1,0]}}",
		"f.json: $.lcores.workers[2]: is 0, expected a core that is not $.lcores.main");
	refused("{\"kind\":\"collector\",\"v\":1,\"timezone\":\"Asia/Tokio\"}",
		"f.json: $.timezone: is \"Asia/Tokio\", expected an IANA time zone of this system, "
		"as "
		"\"Asia/Tokyo\"");
	refused("{\"kind\":\"collector\",\"v\":1,\"listen\":\"tcp://127.0.0.1:99999\"}",
		"f.json: $.listen: is \"tcp://127.0.0.1:99999\", expected a ZeroMQ endpoint as "
		"\"tcp://127.0.0.1:5490\" or \"ipc:///run/teiten.sock\" or null");
	refused("{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\",\"since\":\"2024-02-30\"}"
		"]}",
		"f.json: $.sensors[0].since: is \"2024-02-30\", expected a date as \"2024-12-18\" "
		"or a "
		"time as \"2024-12-18T03:04:00Z\" or null");
	refused("{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\",\"since\":\"2024-02-02\","
		"\"until\":\"2024-02-01\"}]}",
		"f.json: $.sensors[0].until: is \"2024-02-01\", expected a time after \"since\"");
}

static void what_must_differ_is_checked(void **state) {
	refused("{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\"},{\"id\":\"a\"}]}",
		"f.json: $.sensors[1].id: is \"a\", expected another than in $.sensors[0]");
	refused("{\"kind\":\"services\",\"v\":1,\"services\":[{\"proto\":\"tcp\",\"port\":1,"
		"\"source\":\"x\"},{\"proto\":\"tcp\",\"port\":1,\"source\":\"y\"}]}",
		"f.json: $.services[1]: is \"tcp/1\", expected another than in $.services[0]");
	refused("{\"kind\":\"report\",\"v\":1,\"languages\":[\"en\",\"en\"]}",
		"f.json: $.languages[1]: is \"en\", expected another than in $.languages[0]");
}

static void texts_have_the_form_that_their_row_names(void **state) {
	static const struct {
		const struct format *format;
		const char *good[6], *bad[8];
	} forms[] = {
		{&format_id, {"a", "jp-isp1", "0", "abcdefghijklmnopqrstuvwxyz012345"},
			{"", "A", "a_b", "a b", "abcdefghijklmnopqrstuvwxyz0123456"}},
		{&format_prefix,
			{"192.0.2.0/24", "192.0.2.1", "::/0", "2001:db8::/32", "0.0.0.0/0"},
			{"", "192.0.2.1/24", "192.0.2/24", "192.0.2.0/33", "2001:db8::1/64", "x/8",
				"1.2.3.4/"}},
		{&format_time,
			{"2024-02-29", "2024-12-18T03:04:00Z", "2024-12-18T03:04:00+09:00",
				"2024-12-18T03:04:00.5Z"},
			{"", "2023-02-29", "2024-13-01", "2024-1-1", "2024-12-18T03:04:00",
				"2024-12-18 03:04", "yesterday"}},
		{&format_country, {"JP", "ZZ"}, {"", "jp", "J", "JPN", "--"}},
		{&format_region, {"JP", "--", "$country"}, {"", "jp", "$", "-"}},
		{&format_zone, {"UTC", "Asia/Tokyo", "Asia/Kathmandu"},
			{"", "Asia/Tokio", "../etc/passwd", "/etc/localtime", "Asia"}},
		{&format_endpoint,
			{"tcp://127.0.0.1:5490", "tcp://*:1", "tcp://[::1]:65535", "ipc:///run/x",
				"inproc://x", "tcp://host.example:*"},
			{"", "tcp://127.0.0.1", "tcp://:80", "tcp://h:0", "tcp://h:65536",
				"udp://h:1", "ipc://", "tcp://h:1x"}},
		{&format_proto, {"tcp", "udp", "icmp", "icmp6", "47"}, {"", "TCP", "256", "-1"}},
		{&format_service, {"tcp/8728", "icmp/8", "icmp/3/1", "47/0"},
			{"", "tcp", "tcp/65536", "tcp/1/2", "tcp/", "icmp/256"}},
		{&format_key, {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"},
			{"", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf",
				"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf "}},
		{&format_cve, {"CVE-2018-14847", "CVE-2014-8361"},
			{"", "CVE-18-1", "cve-2018-14847", "CVE-2018-148", "CVE-2018-14847x"}},
		{&format_text, {"", "国内ISP A", "a b"}, {"a\nb", "\x1b[31m", "a\x7f"}},
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (size_t k = 0; k < 6 && forms[i].good[k]; k++) {
			if (!forms[i].format->ok(forms[i].good[k]))
				fail_msg("\"%s\" is %s", forms[i].good[k],
					forms[i].format->expected);
		}
		for (size_t k = 0; k < 8 && forms[i].bad[k]; k++) {
			if (forms[i].format->ok(forms[i].bad[k]))
				fail_msg("\"%s\" is not %s", forms[i].bad[k],
					forms[i].format->expected);
		}
	}
}

static void limits_hold(void **state) {
	struct tt_buf deep = TT_BUF_INIT(1 << 20);
	for (int i = 0; i < 10000; i++)
		tt_buf_printf(&deep, "[");
	refused((const char *)deep.data, "f.json: is nested too deep, expected at most 32 levels");
	tt_buf_reset(&deep);
	tt_buf_printf(&deep, "{\"kind\":\"report\",\"v\":1,\"licence\":\"");
	for (int i = 0; i < 100; i++)
		tt_buf_printf(&deep, "あいう");
	tt_buf_printf(&deep, "\"}");
	struct tt_err err;
	json_t *root;
	assert_int_equal(
		tt_conf_loads((char *)deep.data, deep.len, "f", NULL, &root, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "...\", expected at most 256 bytes"));
	tt_buf_free(&deep);
	refused("{\"kind\":\"report\",\"v\":1,\"licence\":\"a\\nb\"}",
		"f.json: $.licence: is \"a\\nb\", expected text without control characters");
}

static void missing_files_and_folders_are_named(void **state) {
	struct tt_err err;
	json_t *root;
	assert_int_equal(tt_conf_load("/nowhere/f.json", NULL, &root, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/f.json"));
	assert_int_equal(tt_conf_load("/", NULL, &root, &err), -EISDIR);
}

static void paths_are_relative_to_the_file(void **state) {
	char out[64];
	assert_int_equal(
		tt_conf_path("/etc/teiten/probe.json", "s.json", out, sizeof(out), NULL), 0);
	assert_string_equal(out, "/etc/teiten/s.json");
	assert_int_equal(
		tt_conf_path("/etc/teiten/probe.json", "/s.json", out, sizeof(out), NULL), 0);
	assert_string_equal(out, "/s.json");
	assert_int_equal(tt_conf_path("probe.json", "a/s.json", out, sizeof(out), NULL), 0);
	assert_string_equal(out, "a/s.json");
	assert_int_equal(tt_conf_path("/etc/probe.json", "a", out, 4, NULL), -ENAMETOOLONG);
}

// The choices of tables are names that other parts give: they must be the same ones.
static void choices_are_the_names_that_the_code_knows(void **state) {
	json_t *schema = tt_conf_schema("watches");
	json_t *items = json_object_get(at(schema, "properties", "watches"), "items");
	json_t *where = json_object_get(at(items, "properties", "where"), "properties");
	size_t i;
	json_t *name, *list = json_object_get(at(where, "class", "items"), "enum");
	assert_int_equal(json_array_size(list), TT_OBSERVED_CLASS_N);
	json_array_foreach(list, i, name)
		assert_int_equal(tt_class_parse(json_string_value(name)), i);
	list = json_object_get(at(where, "tool", "items"), "enum");
	assert_int_equal(json_array_size(list), TT_TOOL_N);
	json_array_foreach(list, i, name)
		assert_int_equal(tt_tool_parse(json_string_value(name)), i);
	list = json_object_get(at(where, "traits", "items"), "enum");
	assert_int_equal(json_array_size(list), TT_TRAIT_N);
	json_array_foreach(list, i, name)
		assert_int_equal(tt_trait_parse(json_string_value(name)), i);
	json_decref(schema);
}

// Every option has a help text and, where it has one, a default that its own row accepts.
static void check_rows(const struct option *rows) {
	for (const struct option *o = rows; o->name; o++) {
		assert_non_null(o->help);
		assert_false(o->flags & O_REQUIRED && o->preset);
		if (o->preset) {
			struct tt_err err = {""};
			struct place p = {.file = "table", .err = &err, .len = 1, .path = "$"};
			json_t *v = json_loads(o->preset, JSON_DECODE_ANY, NULL);
			assert_non_null(v);
			if (option_check_value(o, v, &p) != 0)
				fail_msg("%s: %s", o->name, err.msg);
			json_decref(v);
		}
		if (o->type == O_OBJECT)
			check_rows(o->of);
		if (o->type == O_LIST && o->of->type == O_OBJECT)
			check_rows(o->of->of);
	}
}

static void tables_are_sound(void **state) {
	for (const char *const *k = tt_conf_kinds(); *k; k++)
		check_rows(kind_find(*k)->options);
}

static void schema_and_manual_exist_for_every_kind(void **state) {
	for (const char *const *k = tt_conf_kinds(); *k; k++) {
		json_t *schema = tt_conf_schema(*k);
		assert_non_null(at(schema, "properties", "kind"));
		assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
		json_decref(schema);
		struct tt_buf out = TT_BUF_INIT(1 << 20);
		assert_int_equal(tt_conf_manual(*k, &out), 0);
		assert_non_null(strstr((char *)out.data, kind_find(*k)->example));
		tt_buf_free(&out);
	}
	assert_null(tt_conf_schema("soup"));
	struct tt_buf out = TT_BUF_INIT(100);
	assert_int_equal(tt_conf_manual("soup", &out), -EINVAL);
}

static void files_of_the_tree_are_accepted(void **state) {
	char dir[1024], path[2048];
	snprintf(dir, sizeof(dir), "%s/../../config", getenv("TT_SOURCE_DIR"));
	DIR *d = opendir(dir);
	assert_non_null(d);
	unsigned n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		const char *dot = strrchr(e->d_name, '.');
		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		struct tt_err err = {""};
		json_t *root;
		if (tt_conf_load(path, NULL, &root, &err) != 0)
			fail_msg("%s", err.msg);
		json_decref(root);
		n++;
	}
	closedir(d);
	assert_true(n >= 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_accepts_its_example_and_what_comes_out),
		cmocka_unit_test(defaults_are_put_in),
		cmocka_unit_test(syntax_errors_name_line_and_column),
		cmocka_unit_test(duplicate_and_unknown_keys_are_errors),
		cmocka_unit_test(a_text_may_stand_for_both_languages),
		cmocka_unit_test(kind_and_version_come_first),
		cmocka_unit_test(values_of_the_wrong_type_or_range_name_their_path),
		cmocka_unit_test(what_must_differ_is_checked),
		cmocka_unit_test(texts_have_the_form_that_their_row_names),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(missing_files_and_folders_are_named),
		cmocka_unit_test(paths_are_relative_to_the_file),
		cmocka_unit_test(choices_are_the_names_that_the_code_knows),
		cmocka_unit_test(tables_are_sound),
		cmocka_unit_test(schema_and_manual_exist_for_every_kind),
		cmocka_unit_test(files_of_the_tree_are_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
