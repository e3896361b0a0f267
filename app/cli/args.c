/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct command *command_find(const char *name) {
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static const struct opt *find_in(const struct opt *o, const char *name, size_t len, char letter) {
	for (; o->name; o++)
		if (name ? strlen(o->name) == len && !memcmp(o->name, name, len)
			 : letter && o->letter == letter)
			return o;
	return NULL;
}

static const struct opt *find(const struct command *c, const char *name, size_t len, char letter) {
	const struct opt *o = find_in(common_options, name, len, letter);
	for (unsigned i = 0; !o && i < OPT_GROUPS && c->groups[i]; i++)
		o = find_in(c->groups[i], name, len, letter);
	return o;
}

static int take(struct args *a, const struct opt *o, const char *value, struct tt_err *err) {
	if (o == common_options) { // its first row is help
		a->help = true;
		return 0;
	}
	if (o->value && !*value)
		return tt_err_set(
			err, -EINVAL, "option --%s is empty, expected %s", o->name, o->value);
	if (a->n == ARGS_MAX)
		return tt_err_set(err, -EINVAL, "more than %d options", ARGS_MAX);
	a->opt[a->n] = o;
	a->value[a->n++] = value ? value : "";
	return 0;
}

// Where a command line is being read.
struct reader {
	int i, argc;
	char **argv;
};

static int long_option(struct reader *r, struct args *a, struct tt_err *err) {
	const char *text = r->argv[r->i] + 2;
	const char *eq = strchr(text, '=');
	size_t len = eq ? (size_t)(eq - text) : strlen(text);
	const struct opt *o = find(a->command, text, len, 0);
	if (!o)
		return tt_err_set(err, -EINVAL, "unknown option --%.*s", (int)len, text);
	if (eq && !o->value)
		return tt_err_set(err, -EINVAL, "option --%s takes no value", o->name);
	if (!o->value || eq)
		return take(a, o, eq ? eq + 1 : NULL, err);
	if (r->i + 1 >= r->argc)
		return tt_err_set(err, -EINVAL, "option --%s needs a value: %s", o->name, o->value);
	return take(a, o, r->argv[++r->i], err);
}

static int short_options(struct reader *r, struct args *a, struct tt_err *err) {
	for (const char *p = r->argv[r->i] + 1; *p; p++) {
		const struct opt *o = find(a->command, NULL, 0, *p);
		if (!o)
			return tt_err_set(err, -EINVAL, "unknown option -%c", *p);
		if (!o->value) {
			int rc = take(a, o, NULL, err);
			if (rc)
				return rc;
			continue;
		}
		if (p[1])
			return take(a, o, p[1] == '=' ? p + 2 : p + 1, err);
		if (r->i + 1 >= r->argc)
			return tt_err_set(
				err, -EINVAL, "option -%c needs a value: %s", *p, o->value);
		return take(a, o, r->argv[++r->i], err);
	}
	return 0;
}

static int check_required(const struct args *a, struct tt_err *err) {
	char names[64];
	snprintf(names, sizeof(names), "%s", a->command->required ? a->command->required : "");
	char *rest = names, *name;
	while ((name = strsep(&rest, " ")))
		if (*name && !arg(a, name))
			return tt_err_set(err, -EINVAL, "option --%s is missing", name);
	for (unsigned i = 0; i < a->operand_n; i++)
		if (!*a->operands[i])
			return tt_err_set(err, -EINVAL, "argument %u is empty, expected %s", i + 1,
				a->command->operands);
	if (a->operand_n < a->command->min)
		return tt_err_set(err, -EINVAL, "%s is missing", a->command->operands);
	if (a->operand_n > a->command->max)
		return tt_err_set(err, -EINVAL, "'%s' is one argument too many",
			a->operands[a->command->max]);
	return 0;
}

int args_parse(const struct command *c, int argc, char **argv, struct args *a, struct tt_err *err) {
	struct reader r = {.argc = argc, .argv = argv};
	memset(a, 0, sizeof(*a));
	a->command = c;
	a->operands = calloc((size_t)argc + 1, sizeof(*a->operands));
	if (!a->operands)
		return tt_err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	bool options = true;
	for (; r.i < argc; r.i++) {
		const char *text = argv[r.i];
		int rc = 0;
		if (options && !strcmp(text, "--"))
			options = false;
		else if (options && text[0] == '-' && text[1] == '-')
			rc = long_option(&r, a, err);
		else if (options && text[0] == '-' && text[1])
			rc = short_options(&r, a, err);
		else
			a->operands[a->operand_n++] = text;
		if (rc)
			return rc;
	}
	return a->help ? 0 : check_required(a, err);
}

void args_free(struct args *a) {
	free(a->operands);
	a->operands = NULL;
}

const char *arg(const struct args *a, const char *name) {
	for (unsigned i = a->n; i > 0; i--)
		if (!strcmp(a->opt[i - 1]->name, name))
			return a->value[i - 1];
	return NULL;
}
