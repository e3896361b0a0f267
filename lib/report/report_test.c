/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report.h"

static struct tt_row port_row(uint8_t proto, uint16_t port, uint64_t packets, uint64_t sources) {
	return (struct tt_row){.key = {.proto = proto, .port = port},
		.packets = packets,
		.bytes = packets * 60,
		.has_sources = true,
		.sources = sources,
		.has_rate = true,
		.rate = (double)packets / 4,
		.median_rate = (double)packets / 8,
		.top_sensor_share = 0.75,
		.top_source_share = -1,
		.top_source_share_max = -1};
}

static struct tt_row region_row(const char *cc, uint64_t packets) {
	struct tt_row r = port_row(0, 0, packets, 1);
	memset(&r.key, 0, sizeof(r.key));
	snprintf(r.key.region, sizeof(r.key.region), "%s", cc);
	return r;
}

// Prints into memory; the caller frees.
typedef void print_fn(const struct top_view *t, FILE *out);
static char *printed(print_fn *fn, const struct top_view *t) {
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	fn(t, f);
	fclose(f);
	return text;
}

static void top_table(const struct top_view *t, FILE *out) {
	assert_int_equal(print_top_table(t, out), 0);
}

static void series_table(const struct top_view *t, FILE *out) {
	assert_int_equal(print_series_table(t, out), 0);
}

static void expect(print_fn *fn, const struct top_view *t, const char *want) {
	char *got = printed(fn, t);
	assert_string_equal(got, want);
	free(got);
}

// ---- ranking

static void equal_values_share_a_rank(void **state) {
	struct tt_row rows[] = {port_row(17, 53, 5, 1), port_row(6, 80, 9, 1),
		port_row(6, 443, 7, 1), port_row(6, 23, 7, 1)};
	struct ranking r;
	assert_int_equal(rank_rows(rows, 4, TT_BY_PORT, TT_RANK_PACKETS, &r), 0);
	const unsigned ranks[] = {1, 2, 2, 4};
	const uint16_t ports[] = {80, 23, 443, 53};
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(r.rows[i].rank, ranks[i]);
		assert_int_equal(r.rows[i].row->key.port, ports[i]);
	}
	rank_free(&r);
}

static void ties_are_ordered_by_protocol_then_port(void **state) {
	struct tt_row rows[] = {port_row(17, 1, 3, 1), port_row(6, 9, 3, 1), port_row(6, 8, 3, 1),
		port_row(58, 32768, 3, 1), port_row(1, 2048, 3, 1), port_row(47, 0, 3, 1)};
	// as the names are written: 47, icmp, icmp6, tcp, udp
	const uint8_t protos[] = {47, 1, 58, 6, 6, 17};
	struct ranking r;
	assert_int_equal(rank_rows(rows, 6, TT_BY_PORT, TT_RANK_PACKETS, &r), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(r.rows[i].rank, 1);
		assert_int_equal(r.rows[i].row->key.proto, protos[i]);
	}
	assert_int_equal(r.rows[3].row->key.port, 8);
	rank_free(&r);
}

static void ranks_by_sources_and_by_rate(void **state) {
	struct tt_row rows[] = {port_row(6, 1, 100, 2), port_row(6, 2, 50, 3)};
	struct ranking r;
	rows[1].rate = 1000;
	assert_int_equal(rank_rows(rows, 2, TT_BY_PORT, TT_RANK_SOURCES, &r), 0);
	assert_int_equal(r.rows[0].row->key.port, 2);
	rank_free(&r);
	assert_int_equal(rank_rows(rows, 2, TT_BY_PORT, TT_RANK_RATE, &r), 0);
	assert_int_equal(r.rows[0].row->key.port, 2);
	rank_free(&r);
}

static void unknown_region_is_listed_without_rank(void **state) {
	struct tt_row rows[] = {region_row("JP", 5), region_row("--", 900), region_row("US", 7)};
	struct ranking r;
	assert_int_equal(rank_rows(rows, 3, TT_BY_REGION, TT_RANK_PACKETS, &r), 0);
	rank_cut(&r, 1);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.rows[0].row->key.region, "US");
	assert_int_equal(r.rows[0].rank, 1);
	assert_string_equal(r.rows[1].row->key.region, "--");
	assert_int_equal(r.rows[1].rank, 0);
	rank_free(&r);
}

static void bogons_are_listed_without_rank_and_no_more_than_asked(void **state) {
	static const char *const sources[] = {
		"10.0.0.1", "11.0.0.1", "100.64.0.1", "fe80::1", "2a00::1"};
	struct tt_row rows[5];
	struct ranking r;
	for (unsigned i = 0; i < 5; i++) {
		rows[i] = port_row(0, 0, 900 - i, 1);
		assert_int_equal(tt_addr_parse(sources[i], &rows[i].key.source), 0);
	}
	assert_int_equal(rank_rows(rows, 5, TT_BY_SOURCE, TT_RANK_PACKETS, &r), 0);
	assert_int_equal(r.ranked_n, 2);
	assert_ptr_equal(r.rows[0].row, &rows[1]);
	assert_ptr_equal(r.rows[1].row, &rows[4]);
	rank_cut(&r, 2);
	assert_int_equal(r.n, 4);
	assert_ptr_equal(r.rows[2].row, &rows[0]);
	assert_int_equal(r.rows[2].rank, 0);
	rank_cut(&r, 1);
	assert_int_equal(r.n, 2);
	assert_ptr_equal(r.rows[1].row, &rows[0]);
	rank_free(&r);
}

static void mixed_is_listed_without_rank(void **state) {
	struct tt_row rows[] = {port_row(0, 0, 900, 9), port_row(6, 23, 5, 1)};
	struct ranking r;
	rows[0].key.mixed = true;
	assert_int_equal(rank_rows(rows, 2, TT_BY_DPORT, TT_RANK_PACKETS, &r), 0);
	assert_int_equal(r.ranked_n, 1);
	assert_int_equal(r.rows[0].rank, 1);
	assert_true(r.rows[1].row->key.mixed);
	rank_free(&r);
}

static void zero_means_all_rows(void **state) {
	struct tt_row rows[] = {port_row(6, 1, 3, 1), port_row(6, 2, 2, 1), port_row(6, 3, 1, 1)};
	struct ranking r;
	assert_int_equal(rank_rows(rows, 3, TT_BY_PORT, TT_RANK_PACKETS, &r), 0);
	rank_cut(&r, 0);
	assert_int_equal(r.n, 3);
	rank_cut(&r, 2);
	assert_int_equal(r.n, 2);
	rank_free(&r);
}

static void nothing_to_rank_is_no_failure(void **state) {
	struct ranking r;
	assert_int_equal(rank_rows(NULL, 0, TT_BY_PORT, TT_RANK_PACKETS, &r), 0);
	rank_cut(&r, 10);
	assert_int_equal(r.n, 0);
	rank_free(&r);
}

static void previous_rank_is_outside_past_ten(void **state) {
	struct tt_row now[] = {
		port_row(6, 3, 30, 1), port_row(6, 12, 20, 1), port_row(6, 99, 10, 1)};
	struct tt_row then[12];
	struct ranking a, b;
	for (uint16_t i = 0; i < 12; i++)
		then[i] = port_row(6, (uint16_t)(i + 1), 1000u - i, 1);
	assert_int_equal(rank_rows(now, 3, TT_BY_PORT, TT_RANK_PACKETS, &a), 0);
	assert_int_equal(rank_rows(then, 12, TT_BY_PORT, TT_RANK_PACKETS, &b), 0);
	assert_int_equal(rank_compare(&a, &b, true, TT_BY_PORT), 0);
	assert_int_equal(a.rows[0].previous, PREVIOUS_RANK);
	assert_int_equal(a.rows[0].previous_rank, 3);
	assert_int_equal(a.rows[1].previous, PREVIOUS_OUTSIDE);
	assert_int_equal(a.rows[2].previous, PREVIOUS_OUTSIDE);
	rank_free(&b);
	assert_int_equal(rank_rows(NULL, 0, TT_BY_PORT, TT_RANK_PACKETS, &b), 0);
	assert_int_equal(rank_compare(&a, &b, false, TT_BY_PORT), 0);
	assert_int_equal(a.rows[0].previous, PREVIOUS_UNKNOWN);
	rank_free(&a);
	rank_free(&b);
}

// ---- outputs

struct fixture {
	struct tt_row rows[4];
	struct tt_result result;
	struct ranking ranking;
	struct tt_top_conf conf;
	struct tt_query previous;
	struct tt_services *services;
	struct top_view view;
};

static struct fixture *fixture(enum tt_by by) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->conf.query = (struct tt_query)TT_QUERY_INIT;
	f->conf.query.by = by;
	f->result = (struct tt_result){
		.rows = f->rows, .from = 1727740800, .to = 1735689600, .completeness = 0.998};
	f->view = (struct top_view){.view = {.by = by},
		.conf = &f->conf,
		.result = &f->result,
		.ranking = &f->ranking,
		.timezone = "UTC"};
	return f;
}

static void rank_fixture(struct fixture *f, unsigned n) {
	f->result.row_n = n;
	assert_int_equal(rank_rows(f->rows, n, f->conf.query.by, f->conf.rank, &f->ranking), 0);
}

static void free_fixture(struct fixture *f) {
	rank_free(&f->ranking);
	tt_services_destroy(&f->services);
	free(f);
}

static struct fixture *ports(void) {
	struct fixture *f = fixture(TT_BY_PORT);
	f->rows[0] = port_row(6, 23, 1200, 80);
	f->rows[1] = port_row(1, 8 << 8, 40, 4);
	f->rows[1].sources_error = 0.01625;
	f->rows[1].top_source_share = f->rows[1].top_source_share_max = 0.5;
	rank_fixture(f, 2);
	return f;
}

static void json_of_ports(void **state) {
	struct fixture *f = ports();
	expect(print_top_json, &f->view,
		"{\"by\":\"port\",\"from\":\"2024-10-01T00:00:00Z\",\"to\":\"2025-01-01T00:00:"
		"00Z\","
		"\"timezone\":\"UTC\",\"completeness\":0.998,\"sources_lower_bound\":false,"
		"\"rir\":null,\"rows\":[\n"
		"{\"rank\":1,\"proto\":\"tcp\",\"port\":23,\"service\":null,\"packets\":1200,"
		"\"bytes\":72000,\"sources\":80,\"sources_error\":0.0,\"rate\":300.0,"
		"\"median_rate\":150.0,\"top_sensor_share\":0.75,\"top_source_share\":null,\"top_"
		"source_share_max\":null},\n"
		"{\"rank\":2,\"proto\":\"icmp\",\"port\":null,\"type\":8,\"code\":0,\"service\":"
		"null,"
		"\"packets\":40,\"bytes\":2400,\"sources\":4,\"sources_error\":0.01625,"
		"\"rate\":10.0,\"median_rate\":5.0,\"top_sensor_share\":0.75,"
		"\"top_source_share\":0.5,\"top_source_share_max\":0.5}]}\n");
	free_fixture(f);
}

static void json_of_no_data_has_nulls(void **state) {
	struct fixture *f = fixture(TT_BY_REGION);
	f->result = (struct tt_result){
		.completeness = -1, .sources_lower_bound = true, .rest_packets = 9};
	rank_fixture(f, 0);
	expect(print_top_json, &f->view,
		"{\"by\":\"region\",\"from\":null,\"to\":null,\"timezone\":\"UTC\","
		"\"completeness\":null,\"sources_lower_bound\":true,\"rest_packets\":9,\"rir\":"
		"null,\"rows\":[]}"
		"\n");
	free_fixture(f);
}

static const struct tt_clock_steps two_steps = {
	.steps = {{"tokyo", "00000000000000aa", "00000000000000bb", 1734491040, 1734487440},
		{"osaka", "00000000000000cc", "", 1734491040, 1734491070}},
	.n = 2,
	.other = 3};

static void json_tells_where_clocks_did_not_simply_go_on(void **state) {
	struct fixture *f = fixture(TT_BY_REGION);
	f->result.clock = two_steps;
	rank_fixture(f, 0);
	char *got = printed(print_top_json, &f->view);
	assert_non_null(strstr(got,
		",\"clock_steps\":[{\"probe\":\"tokyo\",\"boot\":\"00000000000000aa\",\"before\":"
		"\"2024-12-18T03:04:00Z\",\"after\":\"2024-12-18T02:04:00Z\",\"next\":"
		"\"00000000000000bb\"},{\"probe\":\"osaka\",\"boot\":\"00000000000000cc\","
		"\"before\":"
		"\"2024-12-18T03:04:00Z\",\"after\":\"2024-12-18T03:04:30Z\",\"next\":null}],"
		"\"clock_steps_other\":3,\"rows\":["));
	free(got);
	free_fixture(f);
}

static void a_table_tells_it_too(void **state) {
	struct fixture *f = fixture(TT_BY_PORT);
	f->result.clock = two_steps;
	rank_fixture(f, 0);
	char *got = printed(top_table, &f->view);
	assert_non_null(strstr(got,
		"The clock of tokyo was set back by 3,600 s at 2024-12-18 03:04: that time came "
		"twice, and counts once as up-time.\n"
		"The clock of osaka went on by 30 s at 2024-12-18 03:04: nothing is known of that "
		"while.\n"
		"Clocks did not simply go on 3 more times.\n"));
	free(got);
	free_fixture(f);
}

static void json_of_classes_without_sources(void **state) {
	struct fixture *f = fixture(TT_BY_CLASS);
	f->rows[0] = (struct tt_row){.key = {.class = TT_NON_IP},
		.packets = 3,
		.bytes = 180,
		.top_sensor_share = -1,
		.top_source_share = -1,
		.top_source_share_max = -1};
	rank_fixture(f, 1);
	char *got = printed(print_top_json, &f->view);
	assert_non_null(strstr(got,
		"{\"rank\":1,\"class\":\"non_ip\",\"packets\":3,\"bytes\":180,\"sources\":null,"
		"\"sources_error\":null,\"rate\":null,\"median_rate\":null,"
		"\"top_sensor_share\":null,\"top_source_share\":null,\"top_source_share_max\":"
		"null}"));
	free(got);
	free_fixture(f);
}

static void json_of_sources_has_region_and_asn(void **state) {
	struct fixture *f = fixture(TT_BY_SOURCE);
	f->rows[0] = port_row(0, 0, 9, 1);
	f->rows[1] = port_row(0, 0, 8, 1);
	assert_int_equal(tt_addr_parse("11.0.0.1", &f->rows[0].key.source), 0);
	assert_int_equal(tt_addr_parse("2001:db8::1", &f->rows[1].key.source), 0);
	snprintf(f->rows[0].region, 3, "US");
	f->rows[0].asn = 64500;
	rank_fixture(f, 2);
	char *got = printed(print_top_json, &f->view);
	assert_non_null(
		strstr(got, "{\"rank\":1,\"source\":\"11.0.0.1\",\"region\":\"US\","
			    "\"asn\":64500,\"as_name\":null,\"bogon\":false,\"packets\":9,"));
	assert_non_null(strstr(got, "{\"rank\":null,\"source\":\"2001:db8::1\",\"region\":\"--\","
				    "\"asn\":null,\"as_name\":null,\"bogon\":true,\"packets\":8,"));
	free(got);
	free_fixture(f);
}

static void json_of_unranked_and_previous(void **state) {
	struct fixture *f = fixture(TT_BY_REGION);
	f->rows[0] = region_row("US", 9);
	f->rows[1] = region_row("--", 99);
	f->rows[2] = region_row("CN", 8);
	rank_fixture(f, 3);
	f->conf.previous = &f->previous;
	f->ranking.rows[0].previous = PREVIOUS_RANK;
	f->ranking.rows[0].previous_rank = 4;
	f->ranking.rows[1].previous = PREVIOUS_OUTSIDE;
	char *got = printed(print_top_json, &f->view);
	assert_non_null(strstr(got, "{\"rank\":1,\"previous_rank\":4,\"region\":\"US\","));
	assert_non_null(
		strstr(got, "{\"rank\":2,\"previous_rank\":\"outside\",\"region\":\"CN\","));
	assert_non_null(strstr(got, "{\"rank\":null,\"previous_rank\":null,\"region\":\"--\","));
	free(got);
	free_fixture(f);
}

static void csv_of_ports_has_all_columns(void **state) {
	struct fixture *f = ports();
	expect(print_top_csv, &f->view,
		"rank,proto,port,type,code,service,packets,bytes,sources,sources_error,rate,"
		"median_rate,top_sensor_share,top_source_share,top_source_share_max\r\n"
		"1,tcp,23,,,,1200,72000,80,0.0,300.0,150.0,0.75,,\r\n"
		"2,icmp,,8,0,,40,2400,4,0.01625,10.0,5.0,0.75,0.5,0.5\r\n");
	free_fixture(f);
}

static void csv_quotes_what_needs_it(void **state) {
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	tt_print_csv_text(out, "plain");
	tt_print_csv_text(out, "a,b");
	tt_print_csv_text(out, "say \"x\"");
	tt_print_csv_text(out, "two\nlines");
	fclose(out);
	assert_string_equal(text, "plain\"a,b\"\"say \"\"x\"\"\"\"two\nlines\"");
	free(text);
}

static void table_of_ports(void **state) {
	struct fixture *f = ports();
	f->rows[0].packets = 1234567;
	snprintf(f->result.rir_date, sizeof(f->result.rir_date), "2024-12-17");
	f->conf.query.sensor = "jp-isp1";
	expect(top_table, &f->view,
		"Top ports by packets: class scan, sensor jp-isp1\n"
		"2024-10-01 to 2025-01-01 (UTC), completeness 99.8 %, regions of 2024-12-17\n"
		"\n"
		"rank  port      service    packets  sources    bytes  rate  median rate  top "
		"sensor  "
		"top source\n"
		"   1  tcp/23             1,234,567       80  72.0 kB   300          150    * 75.0 "
		"%  "
		"         -\n"
		"   2  icmp/8/0                  40       ~4   2.4 kB  10.0         5.00    * 75.0 "
		"%  "
		"    50.0 %\n");
	free_fixture(f);
}

static void tables_say_what_is_a_bogon_and_how_sure_a_tool_is(void **state) {
	struct fixture *f = fixture(TT_BY_SOURCE);
	f->rows[0] = port_row(0, 0, 7, 1);
	f->rows[1] = port_row(0, 0, 5, 1);
	assert_int_equal(tt_addr_parse("100.64.0.1", &f->rows[0].key.source), 0);
	assert_int_equal(tt_addr_parse("11.0.0.1", &f->rows[1].key.source), 0);
	rank_fixture(f, 2);
	char *text = printed(top_table, &f->view);
	assert_non_null(strstr(text, "   1  11.0.0.1    --     "));
	assert_non_null(strstr(text, "   -  100.64.0.1  bogon  "));
	free(text);
	free_fixture(f);
	f = fixture(TT_BY_REGION);
	f->rows[0] = region_row("JP", 5);
	f->rows[1] = region_row("--", 1900);
	f->rows[1].bogon_packets = 1700;
	rank_fixture(f, 2);
	text = printed(top_table, &f->view);
	assert_non_null(
		strstr(text, "-- holds 1,700 packets from bogons (special-purpose addresses).\n"));
	free(text);
	free_fixture(f);
	f = fixture(TT_BY_TOOL);
	f->rows[0] = port_row(0, 0, 400, 9);
	f->rows[0].key.tool = TT_TOOL_MIRAI;
	f->rows[0].tool_matches = 399;
	f->rows[0].tool_tested = 1400;
	f->rows[0].tool_confidence = 0.99999;
	f->rows[0].from_raw = true;
	f->rows[1] = port_row(0, 0, 300, 9); // of rollups
	rank_fixture(f, 2);
	text = printed(top_table, &f->view);
	assert_non_null(strstr(text, "rank  tool        matches  confidence  packets"));
	assert_non_null(strstr(text, "   1  mirai  399 of 1,400      99.9 %      400"));
	assert_non_null(strstr(text, "   2  zmap              -           -      300"));
	free(text);
	free_fixture(f);
}

static void table_without_rows_says_so(void **state) {
	struct fixture *f = fixture(TT_BY_PORT);
	f->result.sources_lower_bound = true;
	f->result.rest_packets = 12;
	f->result.from = f->result.to = 0;
	f->result.completeness = -1;
	rank_fixture(f, 0);
	expect(top_table, &f->view,
		"Top ports by packets: class scan\n"
		"no data (UTC), no sensor was up\n"
		"Sources are lower bounds: some packets were counted without their source (flow "
		"table "
		"full).\n"
		"Rollups were full: 12 packets (mixed) may belong to any port.\n"
		"\n"
		"no packets\n");
	free_fixture(f);
}

static struct fixture *days(struct tt_point *points) {
	static double complete[] = {1, -1};
	struct fixture *f = fixture(TT_BY_PORT);
	f->conf.query.step = TT_STEP_DAY;
	points[0] = (struct tt_point){1727740800, true, 7, 420, 2, 0, 1};
	points[1] = (struct tt_point){1727827200, false, 0, 0, 0, 0, 0};
	f->rows[0] = port_row(6, 23, 7, 2);
	f->rows[0].points = points;
	f->result.point_n = 2;
	f->result.step_completeness = complete;
	rank_fixture(f, 1);
	return f;
}

static void series_without_data_are_null(void **state) {
	struct tt_point points[2];
	struct fixture *f = days(points);
	expect(print_series_json, &f->view,
		"{\"by\":\"port\",\"step\":\"day\",\"timezone\":\"UTC\","
		"\"sources_lower_bound\":false,\"rir\":null,\"rows\":[\n"
		"{\"key\":{\"proto\":\"tcp\",\"port\":23},\"points\":["
		"{\"start\":\"2024-10-01T00:00:00Z\",\"packets\":7,\"bytes\":420,\"sources\":2,"
		"\"completeness\":1.0,\"sources_error\":0.0},"
		"{\"start\":\"2024-10-02T00:00:00Z\",\"packets\":null,\"bytes\":null,"
		"\"sources\":null,\"completeness\":null,\"sources_error\":null}]}]}\n");
	free_fixture(f);
}

static void series_csv_is_one_line_a_point(void **state) {
	struct tt_point points[2];
	struct fixture *f = days(points);
	expect(print_series_csv, &f->view,
		"proto,port,type,code,start,packets,bytes,sources,completeness,sources_error\r\n"
		"tcp,23,,,2024-10-01T00:00:00Z,7,420,2,1.0,0.0\r\n"
		"tcp,23,,,2024-10-02T00:00:00Z,,,,,\r\n");
	free_fixture(f);
}

static void series_table_runs_down_the_days(void **state) {
	struct tt_point points[2];
	struct fixture *f = days(points);
	expect(series_table, &f->view,
		"Packets per day by port: class scan\n"
		"2024-10-01 to 2025-01-01 (UTC), completeness 99.8 %\n"
		"\n"
		"day         tcp/23  complete\n"
		"2024-10-01       7   100.0 %\n"
		"2024-10-02       -   no data\n");
	free_fixture(f);
}

static void series_of_everything_has_an_empty_key(void **state) {
	struct tt_point points[2];
	struct fixture *f = days(points);
	f->conf.query.by = f->view.view.by = TT_BY_NONE;
	char *got = printed(print_series_json, &f->view);
	assert_non_null(strstr(got, "{\"by\":null,\"step\":\"day\","));
	assert_non_null(strstr(got, "{\"key\":{},\"points\":[{\"start\":"));
	free(got);
	free_fixture(f);
}

// ---- texts

static void numbers_for_people(void **state) {
	char b[TT_SHOW_LEN];
	assert_string_equal(tt_show_count(0, b), "0");
	assert_string_equal(tt_show_count(999, b), "999");
	assert_string_equal(tt_show_count(1000, b), "1,000");
	assert_string_equal(tt_show_count(UINT64_MAX, b), "18,446,744,073,709,551,615");
	assert_string_equal(tt_show_bytes(999, b), "999 B");
	assert_string_equal(tt_show_bytes(1500, b), "1.5 kB");
	assert_string_equal(tt_show_bytes(UINT64_MAX, b), "18.4 EB");
	assert_string_equal(tt_show_share(0.4, b), "40.0 %");
	assert_string_equal(tt_show_share(1, b), "100.0 %");
	assert_string_equal(tt_show_share(0.99999, b), "99.9 %");
	assert_string_equal(tt_show_share(-1, b), "-");
	assert_string_equal(show_rate(0, b), "0");
	assert_string_equal(show_rate(0.0123, b), "0.012");
	assert_string_equal(show_rate(12345.6, b), "12,346");
	assert_string_equal(show_rate(4.4e-16, b), "4.4e-16");
}

static void json_escapes_text(void **state) {
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	tt_print_json_text(out, "a\"b\\c\n\x01é");
	fclose(out);
	assert_string_equal(text, "\"a\\\"b\\\\c\\u000a\\u0001é\"");
	free(text);
}

int main(void) {
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_values_share_a_rank),
		cmocka_unit_test(ties_are_ordered_by_protocol_then_port),
		cmocka_unit_test(ranks_by_sources_and_by_rate),
		cmocka_unit_test(unknown_region_is_listed_without_rank),
		cmocka_unit_test(bogons_are_listed_without_rank_and_no_more_than_asked),
		cmocka_unit_test(mixed_is_listed_without_rank),
		cmocka_unit_test(zero_means_all_rows),
		cmocka_unit_test(nothing_to_rank_is_no_failure),
		cmocka_unit_test(previous_rank_is_outside_past_ten),
		cmocka_unit_test(json_of_ports),
		cmocka_unit_test(json_of_no_data_has_nulls),
		cmocka_unit_test(json_tells_where_clocks_did_not_simply_go_on),
		cmocka_unit_test(a_table_tells_it_too),
		cmocka_unit_test(json_of_classes_without_sources),
		cmocka_unit_test(json_of_sources_has_region_and_asn),
		cmocka_unit_test(json_of_unranked_and_previous),
		cmocka_unit_test(csv_of_ports_has_all_columns),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(table_of_ports),
		cmocka_unit_test(table_without_rows_says_so),
		cmocka_unit_test(tables_say_what_is_a_bogon_and_how_sure_a_tool_is),
		cmocka_unit_test(series_without_data_are_null),
		cmocka_unit_test(series_csv_is_one_line_a_point),
		cmocka_unit_test(series_table_runs_down_the_days),
		cmocka_unit_test(series_of_everything_has_an_empty_key),
		cmocka_unit_test(numbers_for_people),
		cmocka_unit_test(json_escapes_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
