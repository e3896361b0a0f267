/* SPDX-License-Identifier: BSD-3-Clause */
// How a report is made: the document (report.json) is gathered from the store; from it alone come
// sentences, tables, figures and the page, so that no two of them can disagree.
#pragma once
#include "../report.h"
#include "tt_page.h"
#include "words.h"

#define PAGE_MAX   (256u << 20) // bytes of a page
#define TOP_MAX	   100		// rows of a table, by report.json
#define TOPICS	   14		// watches that are told
#define FIGURES	   (2 + TOPICS)
#define INCOMPLETE 0.9 // completeness below which a figure is marked

struct page {
	struct tt_store *s;
	const struct tt_page_conf *conf;
	struct tt_err *err;
	const json_t *config; // report.json
	json_t *doc;	      // what becomes DIR/report.json
	enum tt_lang lang;
	int64_t from, to, previous_from, previous_to;
	unsigned top, previous_top;
	struct tt_row_key keys[2][TOP_MAX]; // ranked rows of Tables 1 and 2
	unsigned key_n[2];
	char country[3];  // "": no country of one's own
	bool any_country; // some sensor has a country
	struct tt_buf svg[FIGURES];
	char *logo;    // data: URI, or NULL
	json_t *notes; // section to HTML: {"services": {"html": "...", "replace": false}}
};

// ---- doc.c: the document
int doc_make(struct page *p);
/// A query about the sensors of the report's tables, class scan, in its period.
struct tt_query page_query(const struct page *p, enum tt_by by);

// ---- families.c: traffic by tool and by malware family
int families_gather(struct page *p);

// ---- ask.c: answers as JSON
struct answer {
	struct tt_result result;
	struct ranking ranking;
};
int ask(struct page *p, const struct tt_query *q, enum tt_rank rank, struct answer *a);
void answer_free(struct answer *a);
/// What `teiten top --format json` prints, with the first n ranked rows.
json_t *top_json(struct page *p, const struct answer *a, enum tt_by by, unsigned n);
/// The points of the rows whose keys `rows` (of a top) has, as `teiten series` prints them.
json_t *series_json(struct page *p, const struct answer *a, enum tt_by by, const json_t *rows);
json_t *key_json(const struct tt_row_key *k, enum tt_by by);
bool key_equals(const json_t *a, const json_t *b, enum tt_by by);
json_t *completeness_json(double c);

// ---- previous.c: ranks of the period before
int previous_apply(struct page *p);
int previous_publish(struct page *p);
/// Ranks that the report after this one compares with.
json_t *ranks_json(const struct page *p, const struct answer *ports, const struct answer *regions);

// ---- sensors.c
int sensors_gather(struct page *p);
int compare_gather(struct page *p);
const struct tt_sensor_conf *sensor_conf(struct page *p, const char *id);
/// group NULL: any.
bool in_group(const struct tt_sensor_conf *c, const char *group);
/// Whose names sensors get.
struct tt_pseudonyms page_names(const struct page *p);

// ---- topics.c
int topics_gather(struct page *p);
void topics_figures(struct page *p);
// ---- moves.c: what changed
int moves_gather(struct page *p);

// ---- figures.c, chart.c
#define CHART_LINES TOP_MAX
struct line {
	const char *label;    // any text
	const double *values; // NAN: no data
};
struct chart {
	enum tt_lang lang; // of the dates on its axis
	const char *id;	   // of the file and of elements in the page: "figure1"
	const char *title; // any text
	const char *y;	   // what is counted, any text
	const char *shade; // what a shaded day is, any text
	const int64_t *days;
	const double *completeness; // negative: no data
	unsigned n;
	struct line lines[CHART_LINES];
	unsigned line_n;
};
/// Draws charts by gnuplot, each into a buffer of its own.
int chart_draw(const struct chart *charts, unsigned n, struct tt_buf *out, struct tt_err *err);
/// "figure1" and on; i from 0.
const char *figure_id(unsigned i, char buf[16]);
/// What a figure of a measure counts per day.
enum word measure_word(const char *measure);
int figures_draw(struct page *p);

// ---- notes.c
int notes_read(struct page *p);
/// A text (UTF-8 without zero bytes) with its placeholders filled, as HTML that the caller frees
/// (NULL for an empty one). -EINVAL with a message that names path and line.
int notes_render(struct page *p, const char *path, struct tt_buf *text, char **html);

// ---- names.c: how things are called
#define NAME_LEN 256
/// "telnet (23/TCP)", "8728/TCP", "ICMP"; from a row of a top by port.
const char *service_name(enum tt_lang lang, const json_t *row, char buf[NAME_LEN]);
/// "23/TCP" of "tcp/23".
const char *port_name(const char *service, char buf[NAME_LEN]);
const char *region_name(
	const struct page *p, enum tt_lang lang, const json_t *row, char buf[NAME_LEN]);
/// The same in a sentence: "the United States (US)".
const char *region_in_text(
	const struct page *p, enum tt_lang lang, const json_t *row, char buf[NAME_LEN]);
/// A name of an English sentence's beginning: "The United States (US)".
const char *begin_sentence(char buf[NAME_LEN]);
const char *period_name(enum tt_lang lang, int64_t from_day, int64_t to_day, char buf[NAME_LEN]);
const char *day_name(enum tt_lang lang, int64_t day, char buf[NAME_LEN]);
/// "31 Dec", 12/31: of an axis.
const char *day_short(enum tt_lang lang, int month, int day, char buf[16]);
/// One of two texts of {"en", "ja"}; the other where there is but one, as where there is a text
/// alone; "" without any.
const char *bilingual_text(enum tt_lang lang, const json_t *texts);
enum length { LENGTH_DAYS, LENGTH_MONTH, LENGTH_QUARTER, LENGTH_YEAR };
enum length period_length(int64_t from_day, int64_t to_day);

// ---- html.c
void html_text(struct tt_buf *b, const char *text);
void html_printf(struct tt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/// One of the words, which may be broken where it says so.
void html_heading(struct tt_buf *b, const char *text);
int page_html(struct page *p, struct tt_buf *out);

// ---- tables.c
int tables_write(struct page *p, const char *dir);

// ---- prose.c
/// Fills doc.sentences, in both languages.
int prose_write(struct page *p);
/// Adds a sentence (English, Japanese) to a section; frees the texts.
void prose_add(struct page *p, const char *section, struct tt_buf text[2]);
/// "the previous quarter", "the quarter".
const char *length_word(const struct page *p, enum tt_lang lang, bool previous);
