/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdio.h>

#include "tt_buf.h"
#include "tt_feed.h"

// ---- contacts.c
struct contact {
	const char *name, *title[TT_LANG_N], *email; // email: joined, "" without
	enum tt_lang lang;
};
struct contacts {
	json_t *root;	      // owns most texts
	struct contact *list; // the last one is `unassigned`
	char **emails;
	unsigned n;
	struct tt_ranges *ranges; // to index
	struct {
		uint32_t asn, contact;
	} * asns; // sorted
	unsigned asn_n;
	struct {
		char code[3];
		uint32_t contact;
	} * regions;
	unsigned region_n;
	const char *sender[TT_LANG_N], *sender_email, *sender_url; // "" where not given
};
/// path NULL: only `unassigned`.
int contacts_load(struct contacts *c, const char *path, struct tt_err *err);
void contacts_free(struct contacts *c);
const struct contact *contacts_of(const struct contacts *c, const struct tt_watch_source *s);
/// Whether it is `unassigned`: there is nobody to write to.
bool contacts_nobody(const struct contacts *c, const struct contact *k);

// ---- told.c
/// When sources were last told before a day.
struct told {
	struct told_row {
		struct tt_addr source;
		int64_t day;
	} * rows; // sorted; days since 1970
	size_t n, cap;
};
/// A file that is not there is one that nobody was told in.
int told_load(struct told *t, const char *path, struct tt_err *err);
/// Whether the source was told less than `days` days before `day`, and not on it.
bool told_cools(const struct told *t, const struct tt_addr *a, int64_t day, unsigned days);
int told_add(struct told *t, const struct tt_addr *a, int64_t day);
/// Writes it without what is older than `keep` days before `day`.
int told_write(struct told *t, const char *path, int64_t day, unsigned keep, struct tt_err *err);
void told_free(struct told *t);

// ---- what a watch says about its sources
enum feed_kind {
	FEED_SCANNER,
	FEED_INFECTED,
	FEED_REFLECTOR,
	FEED_VICTIM,
	FEED_OTHER,
	FEED_KIND_N
};
struct feed_class {
	const char *taxonomy, *type;
	const char *text[TT_LANG_N]; // a sentence about the address
	double accuracy, unverified; // feed.accuracy: observed, not tested
};
extern const struct feed_class feed_classes[FEED_KIND_N];

struct feed {
	struct tt_store *s;
	const struct tt_feed_conf *conf;
	const struct tt_watch_info *watch;
	enum feed_kind kind;
	const char *identifier, *tlp, *malware; // malware "" where none is told
	unsigned cooldown;
	struct contacts contacts;
	char day[TT_RFC3339_LEN]; // "2024-12-18"
	int64_t now;
	char rir[TT_RIR_LEN]; // sets that judged that day's regions
};
struct feed_row {
	struct tt_watch_source s;
	const struct contact *contact;
};
/// The port at the source's side and at the other; negative where there is none.
int feed_source_port(const struct feed *f, const struct tt_watch_source *s);
int feed_destination_port(const struct feed *f, const struct tt_watch_source *s);
/// "dns" of a verified answer from a port where that protocol's answers are known; else NULL.
const char *feed_application(const struct feed *f, const struct tt_watch_source *s);

// ---- feed_intelmq.c, feed_shadowserver.c, feed_letter.c
void feed_intelmq(const struct feed *f, const struct feed_row *rows, size_t n, struct tt_buf *out);
void feed_shadowserver(
	const struct feed *f, const struct feed_row *rows, size_t n, struct tt_buf *out);
void feed_letter(const struct feed *f, const struct feed_row *rows, size_t n, const char *file,
	struct tt_buf *out);
