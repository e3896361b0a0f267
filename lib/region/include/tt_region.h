/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_addr.h"
#include "tt_err.h"

/// Source regions by RIR registration. Immutable once loaded; any thread may read.
struct tt_region;

/// Loads the newest set of a folder (tt_regions below says what sets are): every delegation file of
/// it (names beginning with "delegated-", any of the
/// five registries, plain or extended, any year, also gzip). NULL with errno and one line that
/// names file and row.
/// - Of several files of one registry the newest by header date counts, then the extended one.
/// - Where two rows hold one address, the later allocation date counts, then the smaller range,
///   then the file whose name sorts last, then the later row.
/// - A file is cut, and an error, where its last row is incomplete, where it has fewer rows of a
///   type than its summary says while its header agrees with the summaries, or over 1 % fewer.
/// Overlaps, counts that are off otherwise, files not used and registries missing are told through
/// `warn` (may be NULL), a line each.
struct tt_region *tt_region_load(
	const char *dir, void (*warn)(void *arg, const char *line), void *arg, struct tt_err *err);
void tt_region_destroy(struct tt_region **r);
/// Reads one file and checks its summary: 0 where it is `registry`'s delegation file and whole,
/// with its date ("2024-12-17", "" where it has none) and rows; -errno with one line.
int tt_region_check(
	const char *path, const char *registry, char date[11], uint64_t *rows, struct tt_err *err);
/// Two letters, or "--" where no file answers, the status gives none, the code is empty or ZZ, or
/// the address is special-purpose. Points to static or owned storage. r may be NULL: "--".
const char *tt_region_of(const struct tt_region *r, uint8_t family, const uint8_t addr[16]);
/// The registry that the address is registered at ("apnic"), or NULL.
const char *tt_region_registry(const struct tt_region *r, uint8_t family, const uint8_t addr[16]);
/// Date of the snapshot, "2024-12-17": the latest of the files' header dates; "" for NULL.
const char *tt_region_date(const struct tt_region *r);
/// Records loaded by family, for messages.
uint64_t tt_region_records(const struct tt_region *r);

/// Dated sets: a folder that holds delegation files, or folders with them, or both; each such
/// folder is a set. A set is in force from 00:00 UTC of its date (tt_region_date) until that of the
/// next one; before the first date the first set is. For one thread at a time.
struct tt_regions;
/// Reads the dates of all sets and loads the one in force at `now` (UNIX seconds); others are
/// loaded when tt_regions_at asks for them, and at most four are held. What `old` (may be NULL) has
/// loaded of files that are still the same is shared; `old` may be in use by another thread
/// meanwhile. NULL with errno and one line that names file and row. `warn` and `arg` are kept for
/// later loads.
struct tt_regions *tt_regions_load(const char *dir, int64_t now, const struct tt_regions *old,
	void (*warn)(void *arg, const char *line), void *arg, struct tt_err *err);
void tt_regions_destroy(struct tt_regions **r);
/// The set in force at a time; valid until the next call. Where that one cannot be loaded (told
/// through `warn` once), the one before it stays in force, or the nearest later one. NULL for NULL.
const struct tt_region *tt_regions_at(struct tt_regions *r, int64_t time);
unsigned tt_regions_count(const struct tt_regions *r);

/// Whether an address is in the IANA special-purpose registries (and 100.64.0.0/10, multicast,
/// reserved): a bogon as a source.
bool tt_region_special(uint8_t family, const uint8_t addr[16]);

/// Origin AS by a `start,end,asn,name` CSV (RFC 4180 quotes; gzip too), or a directory of such
/// files
/// (*.csv, *.csv.gz). Where ranges overlap, the one that starts last counts, then the later row.
struct tt_asn;
struct tt_asn *tt_asn_load(const char *path, struct tt_err *err);
void tt_asn_destroy(struct tt_asn **a);
/// AS number, 0 where unknown (a may be NULL).
uint32_t tt_asn_of(const struct tt_asn *a, uint8_t family, const uint8_t addr[16]);
/// The prefix that the file's row and the address make: the largest one within the interval; false
/// where the AS is unknown.
bool tt_asn_network(const struct tt_asn *a, const struct tt_addr *addr, struct tt_prefix *out);
/// Its name, or NULL. Owned by a.
const char *tt_asn_name(const struct tt_asn *a, uint32_t asn);

/// Survey scanners: a directory of files NAME.txt, NAME_v4.txt or NAME_v6.txt, one prefix a line,
/// '#' comments (other files are passed over); or scanners.json, which names such a directory,
/// lists and the behaviour. The longest prefix counts.
struct tt_scanners;
#define TT_PORTS_PER_DAY 10 // where nobody says how many
struct tt_scanners *tt_scanners_load(const char *path, struct tt_err *err);
/// A source that probes more ports than this in a local day is a surveyor by behaviour; 0: none is.
unsigned tt_scanners_ports_per_day(const struct tt_scanners *s);
void tt_scanners_destroy(struct tt_scanners **s);
/// Index of the organisation (from 1), 0 where none is (s may be NULL).
uint16_t tt_scanners_of(const struct tt_scanners *s, uint8_t family, const uint8_t addr[16]);
const char *tt_scanners_name(const struct tt_scanners *s, uint16_t index);
