/* SPDX-License-Identifier: BSD-3-Clause */
// What the files of lib/report share: a result is ranked (rank.c), its rows become cells
// (columns.c) and the cells are printed as JSON, CSV or a table.
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tt_buf.h"
#include "tt_print.h"
#include "tt_report.h"

#define COMPLETE_LEAST 0.9 // below that figures are marked as incomplete
#define HALF	       0.5 // of a row's packets: more of one sensor or source is marked
#define TOP_OUTSIDE    10  // ranks past this one are "outside" in a comparison of periods

/// Where a row stood in another period.
enum previous { PREVIOUS_UNKNOWN, PREVIOUS_OUTSIDE, PREVIOUS_RANK };

struct ranked {
	const struct tt_row *row;
	unsigned rank; // from 1; 0: listed, not ranked
	enum previous previous;
	unsigned previous_rank;
};

/// Rows in the order of output: ranked ones first, by value, then key; equal values share a rank.
struct ranking {
	struct ranked *rows;
	unsigned n;	   // all
	unsigned ranked_n; // of them ranked
	bool rates_hidden; // from a recipient
};
int rank_rows(const struct tt_row *rows, unsigned n, enum tt_by by, enum tt_rank rank,
	struct ranking *out);
/// The same of an answer, out of which goes what would tell a recipient how many addresses a sensor
/// has: rates by sensor, and those of a single one.
int rank_hidden(struct tt_store *s, const struct tt_query *q, const struct tt_pseudonyms *names,
	enum tt_rank rank, struct tt_result *r, struct ranking *out, struct tt_err *err);
/// Sets previous of every row of `r` from the ranking of another period.
int rank_compare(
	struct ranking *r, const struct ranking *other, bool other_has_data, enum tt_by by);
/// Keeps the first n ranked rows, and as many at most that are listed only. 0: all.
void rank_cut(struct ranking *r, unsigned n);
void rank_free(struct ranking *r);

/// The rows of an answer that are shown.
struct chosen {
	struct tt_result result;
	struct ranking ranking;
	struct tt_row_key *keys;
	unsigned key_n;
	char (*ids)[TT_ID_LEN]; // sensors of result.rows, where those have a recipient's names
};
/// Answers a question and keeps its first n ranked rows (0: all) and those that are listed only.
/// chosen_free in every case.
int choose_rows(struct tt_store *s, const struct tt_query *q, enum tt_rank rank, unsigned n,
	const struct tt_pseudonyms *names, struct chosen *out, struct tt_err *err);
/// Answers a question; rows by sensor, and probes, get a recipient's names (*ids: the sensors'
/// own).
int ask_hidden(struct tt_store *s, const struct tt_query *q, const struct tt_pseudonyms *names,
	struct tt_result *out, char (**ids)[TT_ID_LEN], struct tt_err *err);
void chosen_free(struct chosen *c);

/// How keys are ordered: protocol, port or name.
int rank_key_cmp(const struct tt_row_key *a, const struct tt_row_key *b, enum tt_by by);

enum cell_kind { CELL_ABSENT, CELL_NULL, CELL_UINT, CELL_REAL, CELL_TEXT, CELL_BOOL };
struct cell {
	enum cell_kind kind;
	uint64_t u;
	double d;
	char text[80];
};
void cell_uint(struct cell *c, uint64_t u);
void cell_real(struct cell *c, double d); // null where it is no number
void cell_text(struct cell *c, const char *text);

/// What filling cells needs to know beside the row.
struct view {
	enum tt_by by;
	const struct tt_services *services;
	const struct tt_kev *kev;
	struct tt_store *store; // for names of AS; NULL: none
};
struct column {
	const char *name; // key of JSON, head of CSV
	void (*fill)(const struct view *v, const struct ranked *r, struct cell *c);
};
#define COLUMN_MAX 48
/// Columns of `top` by `by` in order of output; the first key_n after rank and previous_rank are
/// the key. Returns how many.
unsigned columns_top(enum tt_by by, bool previous, bool kev, const struct column **out);
/// Columns that name a row (the key of a series).
unsigned columns_key(enum tt_by by, const struct column **out);
/// The key for people: "tcp/23", "JP", "mixed"; of columns_key.
void key_label(enum tt_by by, const struct tt_row_key *k, struct cell *c);
/// The services that are counted for a family: "tcp/23 tcp/2323".
void malware_services(const struct tt_service_set *set, struct cell *c);

void json_cell(FILE *out, const struct cell *c);
/// `"name":value` of all cells that are there, separated by commas.
void json_cells(FILE *out, const struct column *const *cols, unsigned n, const struct view *v,
	const struct ranked *r);
void csv_cells(FILE *out, const struct column *const *cols, unsigned n, const struct view *v,
	const struct ranked *r);
void csv_head(FILE *out, const struct column *const *cols, unsigned n);

const char *show_rate(double d, char buf[TT_SHOW_LEN]);

/// Everything that the outputs of a top need.
struct top_view {
	struct view view;
	const struct tt_top_conf *conf;
	const struct tt_result *result;
	const struct ranking *ranking;
	const char *timezone;
};
void print_top_json(const struct top_view *t, FILE *out);
void print_top_csv(const struct top_view *t, FILE *out);
int print_top_table(const struct top_view *t, FILE *out);
void print_series_json(const struct top_view *t, FILE *out);
void print_series_csv(const struct top_view *t, FILE *out);
int print_series_table(const struct top_view *t, FILE *out);
/// The lines above a table: what, span, timezone, completeness, notes.
void print_head(const struct top_view *t, const char *what, FILE *out);
/// After a comma: whether sources are a lower bound, what rollups left open, and the RIR sets that
/// judged regions.
void print_bounds_json(const struct tt_result *res, FILE *out);
/// Members "clock_steps" and so on after a comma, where clocks of probes did not simply go on.
void print_clock_steps_json(const struct tt_clock_steps *c, FILE *out);
/// What is not settled of who was a surveyor; nothing where all is.
void print_survey_days(const struct tt_survey_days *d, FILE *out);
/// "surveyors" and "surveyor_days" after a comma, where the question is about them.
void print_surveyors_json(const struct tt_query *q, const struct tt_result *r, FILE *out);
const char *surveyors_name(enum tt_surveyors v);
json_t *survey_days_json(const struct tt_survey_days *d); // owned by the caller
const char *by_name(enum tt_by by);
const char *rank_name(enum tt_rank rank);
