/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "option.h"
#include "tt_buf.h"
#include "tt_conf.h"

// A bar would end a table's cell.
static void print_cell(struct tt_buf *out, const char *text) {
	for (const char *p = text; *p; p++)
		tt_buf_printf(out, *p == '|' ? "\\|" : "%c", *p);
}

static void print_choices(struct tt_buf *out, const char *choices) {
	const char *rest = choices;
	size_t len;
	for (const char *c; (c = choice_next(&rest, &len));)
		tt_buf_printf(out, "%s`%.*s`",
			c == choices ? ""
			: *rest	     ? ", "
				     : " or ",
			(int)len, c);
}

static void print_type(struct tt_buf *out, const struct option *o) {
	switch (o->type) {
	case O_BOOL:
		tt_buf_printf(out, "`true` or `false`");
		break;
	case O_INT:
	case O_NUMBER:
		tt_buf_printf(out, "%s %.15g to %.15g", o->type == O_INT ? "whole" : "number",
			o->min, o->max);
		break;
	case O_STRING:
		if (o->choices)
			print_choices(out, o->choices);
		else
			print_cell(out, o->format ? o->format->expected : "text");
		if (!o->choices && o->max > 0)
			tt_buf_printf(out, ", at most %.0f bytes", o->max);
		break;
	case O_LIST:
		tt_buf_printf(out, "list of %.0f to %.0f", o->min, o->max > 0 ? o->max : LIST_MAX);
		if (o->of->type != O_OBJECT) {
			tt_buf_printf(out, ": ");
			print_type(out, o->of);
		}
		if (o->flags & O_ONE)
			tt_buf_printf(out, "; or one without brackets");
		break;
	case O_OBJECT:
		tt_buf_printf(out, o->flags & O_ONE ? "object; or one text for both" : "object");
		break;
	}
	if (o->flags & O_NULL)
		tt_buf_printf(out, "; or `null`");
}

static void print_rows(struct tt_buf *out, const char *above, const struct option *rows) {
	for (const struct option *o = rows; o->name; o++) {
		char path[256];
		snprintf(path, sizeof(path), "%s%s", above, o->name);
		tt_buf_printf(out, "| `%s` | ", path);
		print_type(out, o);
		if (o->preset && strcmp(o->preset, "{}") != 0)
			tt_buf_printf(out, " | `%s` | ", o->preset);
		else
			tt_buf_printf(out, " | %s | ", o->flags & O_REQUIRED ? "*required*" : "");
		print_cell(out, o->help);
		tt_buf_printf(out, " |\n");
		const struct option *members = o->type == O_OBJECT ? o->of
					       : o->type == O_LIST && o->of->type == O_OBJECT
						       ? o->of->of
						       : NULL;
		if (members) {
			snprintf(path, sizeof(path), "%s%s%s.", above, o->name,
				o->type == O_LIST ? "[]" : "");
			print_rows(out, path, members);
		}
	}
}

int tt_conf_manual(const char *kind, struct tt_buf *out) {
	const struct kind *k = kind_find(kind);
	if (!k)
		return -EINVAL;
	tt_buf_printf(out, "## %s.json\n\n%s. %s\n\n```json\n%s```\n\n", k->name, k->title, k->help,
		k->example);
	tt_buf_printf(out, "| Option | Type | Default | Meaning |\n|---|---|---|---|\n");
	tt_buf_printf(out, "| `kind` | `%s` | *required* | What the file is. |\n", k->name);
	tt_buf_printf(out, "| `v` | 1 | *required* | Version of the format. |\n");
	print_rows(out, "", k->options);
	tt_buf_printf(out, "\n");
	return out->rc;
}
