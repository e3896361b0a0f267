/* SPDX-License-Identifier: BSD-3-Clause */
// What the commands share: the table of commands and options, from which come parsing, help,
// manual.
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tt_err.h"

/// Exit statuses.
enum status { DONE = 0, FAILED = 1, USAGE = 2 };

struct opt {
	const char *name;  // long form without dashes; NULL ends a table
	char letter;	   // short form, 0: none
	const char *value; // how its value is called, NULL: takes none
	const char *help;
};

#define OPT_GROUPS 6
struct args;
struct command {
	const char *name;
	const char *operands;		      // as in the synopsis; "" where it takes none
	unsigned min, max;		      // how many of them
	const char *required;		      // options it cannot do without, "db by"
	const char *summary;		      // half a line
	const char *text;		      // what else to know
	const char *example;		      // lines: a command and what it prints
	const struct opt *groups[OPT_GROUPS]; // tables of options, NULL ends
	int (*run)(const struct args *a);
};
extern const struct command commands[]; // a NULL name ends
extern const struct opt common_options[];

#define ARGS_MAX 64 // options in one command line
struct args {
	const struct command *command;
	const struct opt *opt[ARGS_MAX];
	const char *value[ARGS_MAX];
	unsigned n;
	const char **operands;
	unsigned operand_n;
	bool help; // -h was among them
};

const struct command *command_find(const char *name);
/// Reads a command's arguments (argv after its name). Operands and options mix; "--" ends options.
/// 0 or -EINVAL with a message. args_free in every case.
int args_parse(const struct command *c, int argc, char **argv, struct args *a, struct tt_err *err);
void args_free(struct args *a);
/// Value of an option (the last one given), NULL where it was not. "" for those without value.
const char *arg(const struct args *a, const char *name);

/// Help for people, and the same as Markdown (docs/cli.md).
void help_all(FILE *out);
void help_command(const struct command *c, FILE *out);
void help_markdown(FILE *out);

/// Prints "teiten: ..." on stderr as one line and returns the status.
int complain(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/// Prints a document and a line end. 0 or -ENOMEM; what cannot be written is told at the end of
/// all.
int print_json(const json_t *root, size_t flags);
/// Reads a whole number in [min, max]; 0 or -EINVAL.
int number(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/// Directory of this program.
int program_dir(char *buf, size_t len);
/// A program of the project: beside this one, or NAME itself for the search in PATH.
const char *find_program(const char *name, char *buf, size_t len);

/// A line on the terminal that says what takes so long, after a second and only on a terminal.
struct progress;
struct progress *progress_start(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_stop(struct progress **p);

struct tt_store;
/// What the failure rc of opening a database is: wrong usage where it is none or not there.
int open_status(int rc);
/// Opens --db for reading; NULL after a message, with the status to end with.
struct tt_store *open_db(const struct args *a, int *status);
/// The same for writing to one that is there.
struct tt_store *open_db_for_writing(const struct args *a, int *status);

int run_replay(const struct args *a);
int run_top(const struct args *a);
int run_series(const struct args *a);
int run_report(const struct args *a);
int run_show(const struct args *a);
int run_sql(const struct args *a);
int run_changes(const struct args *a);
int run_watch(const struct args *a);
int run_annotate(const struct args *a);
int run_sub(const struct args *a);
int run_status(const struct args *a);
int run_check(const struct args *a);
int run_schema(const struct args *a);
int run_keygen(const struct args *a);
int run_regions(const struct args *a);
int run_feed(const struct args *a);
