/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "page.h"

// Sections of the page.
void write_overview(struct page *p, struct tt_buf *b);
void write_services(struct page *p, struct tt_buf *b);
void write_regions(struct page *p, struct tt_buf *b);
void write_knowledge(struct page *p, struct tt_buf *b);
void write_figure(struct page *p, struct tt_buf *b, unsigned number);
void write_changes(struct page *p, struct tt_buf *b);
void write_topics(struct page *p, struct tt_buf *b);
/// What a topic was made of, and what others found its sources to be.
void write_parts(struct page *p, struct tt_buf *b, const json_t *topic);
/// Tools and malware families, of the section of services.
void write_families(struct page *p, struct tt_buf *b);
void write_sensors(struct page *p, struct tt_buf *b);
void write_references(struct page *p, struct tt_buf *b);
void write_method(struct page *p, struct tt_buf *b);
/// The generated sentences of a section.
void write_sentences(struct page *p, struct tt_buf *b, const char *section);
/// What is generated (NULL: nothing), unless the analysts' text of the section stands instead; then
/// theirs.
void write_texts(struct page *p, struct tt_buf *b, const char *sentences, const char *section);
/// Reads the logo of report.json, an SVG or a PNG: 0, -EINVAL with a line that names the file.
int logo_read(struct page *p);
void write_logo(struct page *p, struct tt_buf *b);
/// "3 sensors in JP".
const char *scope_name(const struct page *p, enum tt_lang lang, char buf[NAME_LEN]);

extern const char page_style[];
/// SHA-256 of page_style in base64.
void style_hash(char out[64]);

/// Notes that tables refer to, by their place in the section on method.
enum method_note { NOTE_NAMES, NOTE_CLASS, NOTE_RANK, NOTE_REGION, NOTE_COMPLETENESS, NOTE_MARKS };
void note_marks(struct tt_buf *b, const enum method_note *notes, unsigned n);

// Tables: `kinds` has a letter a column, n for numbers.
void table_begin(struct page *p, struct tt_buf *b, const char *id, const char *caption,
	const enum word *words, const char *kinds);
/// With marks of notes behind the caption.
void table_begin_noted(struct page *p, struct tt_buf *b, const char *id, const char *caption,
	const enum word *words, const char *kinds, const enum method_note *notes, unsigned n);
void table_end(struct tt_buf *b);

// Cells of tables.
void cell_count(struct tt_buf *b, const json_t *v);
void cell_rate(struct tt_buf *b, const json_t *v);
void cell_share(struct page *p, struct tt_buf *b, const json_t *v);
/// The rank in the period before.
void cell_previous(struct page *p, struct tt_buf *b, const json_t *row);
/// The head of its column.
enum word previous_word(const struct page *p);

bool section_exists(const char *id);
const char *section_list(char *out, size_t size);
