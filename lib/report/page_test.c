/* SPDX-License-Identifier: BSD-3-Clause */
// What a report escapes, how it names things, and what its figures let through. The whole of it is
// tested in a browser by dts-tests/TestSuite_report.py.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "page/page.h"

static void escapes(const char *text, const char *want) {
	struct tt_buf b = TT_BUF_INIT(4096);
	html_text(&b, text);
	assert_string_equal((char *)b.data, want);
	tt_buf_free(&b);
}

static void text_never_becomes_markup(void **state) {
	escapes("<a href=\"x\" title='y'>&amp;",
		"&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
	escapes("a\x01\x7f\tb", "a\xef\xbf\xbd\xef\xbf\xbd\tb");
	escapes("x\u202egnp.exe\u2069", "x\xef\xbf\xbdgnp.exe\xef\xbf\xbd");
	escapes("国内（JP）\U0001f600", "国内（JP）\U0001f600");
}

static void arguments_are_escaped_and_the_format_is_not(void **state) {
	struct tt_buf b = TT_BUF_INIT(4096);
	html_printf(&b, "<b class=\"%s\">%d %u 100%%</b>", "\"><i>", -3, 7u);
	assert_string_equal((char *)b.data, "<b class=\"&quot;&gt;&lt;i&gt;\">-3 7 100%</b>");
	tt_buf_free(&b);
}

static void named(enum tt_lang lang, const char *row, const char *want) {
	char buf[NAME_LEN];
	json_t *o = json_loads(row, 0, NULL);
	assert_non_null(o);
	assert_string_equal(service_name(lang, o, buf), want);
	json_decref(o);
}

static void services_are_named_by_registry_and_port(void **state) {
	const char *telnet = "{\"proto\":\"tcp\",\"port\":23,\"service\":\"telnet\"}";
	named(TT_EN, telnet, "telnet (23/TCP)");
	named(TT_JA, telnet, "telnet（23/TCP）");
	named(TT_EN, "{\"proto\":\"tcp\",\"port\":8728,\"service\":null}", "8728/TCP");
	named(TT_EN, "{\"proto\":\"icmp\",\"port\":null,\"type\":null,\"code\":null}", "ICMP");
	named(TT_EN, "{\"proto\":\"icmp6\",\"port\":null,\"type\":128,\"code\":0}",
		"ICMPv6 type 128");
	named(TT_EN, "{\"proto\":\"47\",\"port\":0,\"service\":null}", "protocol 47");
	named(TT_JA, "{\"proto\":null,\"port\":\"mixed\"}", "不定のポート");
}

static void in_text(enum tt_lang lang, const char *code, const char *want) {
	struct tt_page_conf conf = {0};
	struct page p = {.conf = &conf};
	json_t *row = json_pack("{s:s}", "region", code);
	char buf[NAME_LEN];
	assert_string_equal(region_in_text(&p, lang, row, buf), want);
	json_decref(row);
}

static void regions_have_the_article_that_sentences_want(void **state) {
	char buf[NAME_LEN];
	in_text(TT_EN, "US", "the United States (US)");
	in_text(TT_EN, "NL", "the Netherlands (NL)");
	in_text(TT_EN, "DO", "the Dominican Republic (DO)");
	in_text(TT_EN, "VG", "the British Virgin Islands (VG)");
	in_text(TT_EN, "JP", "Japan (JP)");
	in_text(TT_EN, "--", "unknown or special-purpose");
	in_text(TT_JA, "US", "米国（US）");
	snprintf(buf, sizeof(buf), "the Netherlands (NL)");
	assert_string_equal(begin_sentence(buf), "The Netherlands (NL)");
	snprintf(buf, sizeof(buf), "telnet (23/TCP)");
	assert_string_equal(begin_sentence(buf), "telnet (23/TCP)");
}

static void ports_and_days_are_written_as_readers_of_the_language_do(void **state) {
	char buf[NAME_LEN], day[16];
	assert_string_equal(port_name("tcp/23", buf), "23/TCP");
	assert_string_equal(port_name("icmp", buf), "icmp");
	assert_string_equal(day_short(TT_EN, 12, 3, day), "3 Dec");
	assert_string_equal(day_short(TT_JA, 12, 3, day), "12/3");
}

static void period(const char *en, const char *ja, enum length length, int64_t from, int64_t to) {
	char buf[NAME_LEN];
	assert_int_equal(period_length(from, to), length);
	assert_string_equal(period_name(TT_EN, from, to, buf), en);
	assert_string_equal(period_name(TT_JA, from, to, buf), ja);
}

static void periods_are_named_by_their_length(void **state) {
	period("October to December 2024", "2024年10月～12月", LENGTH_QUARTER,
		tt_civil_days(2024, 10, 1), tt_civil_days(2025, 1, 1));
	period("February 2024", "2024年2月", LENGTH_MONTH, tt_civil_days(2024, 2, 1),
		tt_civil_days(2024, 3, 1));
	period("2024", "2024年", LENGTH_YEAR, tt_civil_days(2024, 1, 1), tt_civil_days(2025, 1, 1));
	period("5 October 2024 to 2 November 2024", "2024年10月5日～2024年11月2日", LENGTH_DAYS,
		tt_civil_days(2024, 10, 5), tt_civil_days(2024, 11, 3));
	// three months that are no quarter
	period("1 November 2024 to 31 January 2025", "2024年11月1日～2025年1月31日", LENGTH_DAYS,
		tt_civil_days(2024, 11, 1), tt_civil_days(2025, 2, 1));
}

#define DAYS 20

static unsigned count(const char *text, const char *what) {
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void names_never_reach_gnuplot(void **state) {
	static const char *const hostile[] = {"`touch teiten-was-here`", "\"; system('id'); #",
		"</text><script>1</script>", "Tok02qq", "名前の長いサービス（8728/TCP）"};
	double values[5][DAYS], complete[DAYS];
	int64_t days[DAYS];
	struct tt_err err = {0};
	struct tt_buf svg = TT_BUF_INIT(1 << 24);
	struct chart *c = calloc(1, sizeof(*c));
	*c = (struct chart){.id = "figure1",
		.title = "<title>",
		.y = "`id`",
		.shade = "<shade>",
		.days = days,
		.completeness = complete,
		.n = DAYS,
		.line_n = 5};
	for (unsigned i = 0; i < DAYS; i++) {
		days[i] = 20000 + i;
		complete[i] = i == 3 ? -1 : 1;
		for (unsigned l = 0; l < 5; l++)
			values[l][i] = i == 3 ? NAN : l * 1000.0 + i;
	}
	for (unsigned l = 0; l < 5; l++)
		c->lines[l] = (struct line){hostile[l], values[l]};
	if (chart_draw(c, 1, &svg, &err))
		fail_msg("%s", err.msg);
	const char *text = (const char *)svg.data;
	assert_int_equal(strncmp(text, "<svg", 4), 0);
	assert_non_null(strstr(text, "`touch teiten-was-here`"));
	assert_non_null(strstr(text, "&lt;/text&gt;&lt;script&gt;"));
	assert_non_null(strstr(text, "&lt;shade&gt;"));
	assert_non_null(strstr(text, hostile[4]));
	assert_int_equal(count(text, "<script"), 0);
	assert_int_equal(count(text, "style="), 0);
	assert_int_equal(count(text, "Tok"), 1); // the one that was a name
	assert_int_equal(count(text, "gnuplot_"), 0);
	assert_int_equal(access("teiten-was-here", F_OK), -1);
	tt_buf_free(&svg);
	free(c);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_never_becomes_markup),
		cmocka_unit_test(arguments_are_escaped_and_the_format_is_not),
		cmocka_unit_test(services_are_named_by_registry_and_port),
		cmocka_unit_test(regions_have_the_article_that_sentences_want),
		cmocka_unit_test(ports_and_days_are_written_as_readers_of_the_language_do),
		cmocka_unit_test(periods_are_named_by_their_length),
		cmocka_unit_test(names_never_reach_gnuplot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
