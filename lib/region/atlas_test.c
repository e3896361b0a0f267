/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "folder.h"
#include "tt_atlas.h"

static void is(const struct tt_atlas *a, const char *code, const char *en, const char *ja) {
	assert_string_equal(tt_atlas_name(a, code, TT_EN), en);
	assert_string_equal(tt_atlas_name(a, code, TT_JA), ja);
}

static void names_are_those_of_the_press(void **state) {
	is(NULL, "US", "United States", "米国");
	is(NULL, "GB", "United Kingdom", "イギリス");
	is(NULL, "CN", "China", "中国");
	is(NULL, "KR", "South Korea", "韓国");
	is(NULL, "RU", "Russia", "ロシア");
	is(NULL, "NL", "Netherlands", "オランダ");
	is(NULL, "AD", "Andorra", "アンドラ"); // the first and the last
	is(NULL, "ZW", "Zimbabwe", "ジンバブエ");
	is(NULL, "EU", "European Union", "欧州連合");
	is(NULL, "--", "unknown", "不明");
	is(NULL, "XQ", "XQ", "XQ");
}

// tzdata carries ISO 3166-1 as the IANA maintains it: a list that is not ours.
static void every_code_of_iso_3166_has_names(void **state) {
	FILE *f = fopen("/usr/share/zoneinfo/iso3166.tab", "re");
	char line[256], code[3];
	unsigned n = 0, more = 0;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		snprintf(code, sizeof(code), "%.2s", line);
		for (int l = 0; l < TT_LANG_N; l++)
			if (!strcmp(tt_atlas_name(NULL, code, (enum tt_lang)l), code))
				fail_msg("%s has no name", code);
		n++;
	}
	fclose(f);
	assert_true(n >= 249);
	for (unsigned i = 0; tt_atlas_code(i); i++) {
		assert_true(i == 0 || strcmp(tt_atlas_code(i - 1), tt_atlas_code(i)) < 0);
		more++;
	}
	assert_int_equal(more, n + 2); // EU and AP
}

static void names_can_be_replaced_and_regions_grouped(void **state) {
	struct tt_err err = {""};
	char path[256];
	put_file("regions.json",
		"{\"kind\":\"regions\",\"v\":1,\"names\":[{\"region\":\"GB\",\"ja\":\"英国\"},"
		"{\"region\":\"XK\",\"en\":\"Kosovo\"}],\"groups\":[{\"name\":\"east-asia\","
		"\"title\":{\"ja\":\"東アジア\"},\"regions\":[\"JP\",\"KR\"]}]}");
	snprintf(path, sizeof(path), "%s/regions.json", folder);
	struct tt_atlas *a = tt_atlas_load(path, &err);
	if (!a)
		fail_msg("%s", err.msg);
	is(a, "GB", "United Kingdom", "英国");
	is(a, "XK", "Kosovo", "XK");
	is(a, "US", "United States", "米国");
	const struct tt_region_group *g = tt_atlas_group(a, "east-asia");
	assert_non_null(g);
	assert_null(tt_atlas_group(a, "europe"));
	assert_string_equal(g->title[TT_EN], "east-asia");
	assert_string_equal(g->title[TT_JA], "東アジア");
	assert_int_equal(g->region_n, 2);
	assert_string_equal(g->regions[0], "JP");
	assert_string_equal(g->regions[1], "KR");
	tt_atlas_destroy(&a);
	assert_null(a);
	put_file("regions.json", "{\"kind\":\"regions\",\"v\":1,\"groups\":[{\"name\":\"x\","
				 "\"regions\":[\"JPN\"]}]}");
	assert_null(tt_atlas_load(path, &err));
	assert_non_null(strstr(err.msg, "$.groups[0].regions[0]"));
	assert_int_equal(errno, EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_press),
		cmocka_unit_test(every_code_of_iso_3166_has_names),
		test_in_folder(names_can_be_replaced_and_regions_grouped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
