/* SPDX-License-Identifier: BSD-3-Clause */
// Help and docs/cli.md from the table of commands, so that neither can say what the program is not.
#include <string.h>

#include "cli.h"

#define WIDTH 90

// Breaks text into lines of WIDTH at most, each behind `indent` spaces; the first starts at `at`.
static void wrap(const char *text, unsigned indent, unsigned at, FILE *out) {
	unsigned col = at;
	const char *sep = "";
	while (*text) {
		size_t n = strcspn(text, " ");
		if (col + n + 1 > WIDTH && *sep) {
			fprintf(out, "\n%*s", (int)indent, "");
			col = indent;
			sep = "";
		}
		fprintf(out, "%s%.*s", sep, (int)n, text);
		col += (unsigned)(n + strlen(sep));
		sep = " ";
		text += n + (text[n] == ' ');
	}
	fputc('\n', out);
}

static void option_left(const struct opt *o, char *buf, size_t len) {
	char letter[8] = "    ";
	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(buf, len, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
		o->value ? o->value : "");
}

#define OPTION_COLUMN 32

static void print_options(const struct opt *o, FILE *out) {
	char left[64];
	for (; o->name; o++) {
		option_left(o, left, sizeof(left));
		fprintf(out, "  %-*s", OPTION_COLUMN - 2, left);
		if (strlen(left) > OPTION_COLUMN - 4)
			fprintf(out, "\n%*s", OPTION_COLUMN, "");
		wrap(o->help, OPTION_COLUMN, OPTION_COLUMN, out);
	}
}

static void print_synopsis(const struct command *c, FILE *out) {
	char names[64];
	snprintf(names, sizeof(names), "%s", c->required ? c->required : "");
	char *rest = names, *name;
	fprintf(out, "teiten %s", c->name);
	while ((name = strsep(&rest, " ")))
		for (unsigned i = 0; *name && i < OPT_GROUPS && c->groups[i]; i++)
			for (const struct opt *o = c->groups[i]; o->name; o++)
				if (!strcmp(o->name, name))
					fprintf(out, " --%s %s", o->name, o->value);
	fprintf(out, " [OPTION...]%s%s\n", *c->operands ? " " : "", c->operands);
}

void help_all(FILE *out) {
	fputs("usage: teiten COMMAND [OPTION...] [ARGUMENT...]\n\n"
	      "Watches the traffic nobody asked for: fills databases from captures, and answers\n"
	      "questions about them.\n\ncommands:\n",
		out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-8s  %s\n", c->name, c->summary);
	fputs("\nteiten help COMMAND tells more of one, teiten --version the version.\n\n"
	      "example:\n"
	      "  teiten replay --db day.db day.pcap\n"
	      "  teiten top --db day.db --by port\n",
		out);
}

static void print_lines(const char *text, const char *before, FILE *out) {
	while (*text) {
		size_t n = strcspn(text, "\n");
		fprintf(out, "%s%.*s\n", n ? before : "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void help_command(const struct command *c, FILE *out) {
	fputs("usage: ", out);
	print_synopsis(c, out);
	fputc('\n', out);
	wrap(c->text, 0, 0, out);
	fputs("\noptions:\n", out);
	for (unsigned i = 0; i < OPT_GROUPS && c->groups[i]; i++)
		print_options(c->groups[i], out);
	print_options(common_options, out);
	fputs("\nexample:\n", out);
	print_lines(c->example, "  ", out);
}

static void markdown_options(const struct opt *o, FILE *out) {
	for (; o->name; o++) {
		fputs("| ", out);
		if (o->letter)
			fprintf(out, "`-%c`, ", o->letter);
		fprintf(out, "`--%s%s", o->name, o->value ? " " : "");
		for (const char *p = o->value; p && *p; p++)
			fprintf(out, *p == '|' ? "\\|" : "%c", *p);
		fprintf(out, "` | %s |\n", o->help);
	}
}

void help_markdown(FILE *out) {
	for (const struct command *c = commands; c->name; c++) {
		fprintf(out, "## teiten %s\n\n    ", c->name);
		print_synopsis(c, out);
		fputc('\n', out);
		wrap(c->text, 0, 0, out);
		fputs("\n| option | |\n|---|---|\n", out);
		for (unsigned i = 0; i < OPT_GROUPS && c->groups[i]; i++)
			markdown_options(c->groups[i], out);
		markdown_options(common_options, out);
		fputs("\n```\n", out);
		print_lines(c->example, "", out);
		fputs("```\n\n", out);
	}
}
