/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "cli.h"
#include "tt_log.h"
#include "tt_out.h"

// Results that could not be written (a full disk, say) are a failure too.
static int finish(int status) {
	struct tt_err err = {0};
	return tt_out_end(&err) ? complain(FAILED, "%s", err.msg) : status;
}

static int help(int argc, char **argv) {
	if (argc > 1)
		return complain(USAGE, "help: '%s' is one argument too many", argv[1]);
	if (!argc) {
		help_all(stdout);
	} else if (!strcmp(argv[0], "--markdown")) {
		help_markdown(stdout);
	} else {
		const struct command *c = command_find(argv[0]);
		if (!c)
			return complain(
				USAGE, "unknown command '%s'; teiten help lists them", argv[0]);
		help_command(c, stdout);
	}
	return DONE;
}

static int run(const struct command *c, int argc, char **argv) {
	struct args a;
	struct tt_err err = {0};
	int status;
	if (args_parse(c, argc, argv, &a, &err)) {
		status = complain(
			USAGE, "%s: %s; teiten %s -h shows how", c->name, err.msg, c->name);
	} else if (a.help) {
		help_command(c, stdout);
		status = DONE;
	} else {
		status = c->run(&a);
	}
	args_free(&a);
	return status;
}

int main(int argc, char **argv) {
	tt_log_name("teiten");
	tt_log_to(tt_log_stderr);
	tt_out_begin(); // without memory for it messages say less
	if (argc < 2) {
		help_all(stderr);
		return USAGE;
	}
	const char *name = argv[1];
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("teiten " TT_VERSION);
		return finish(DONE);
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
		return finish(help(argc - 2, argv + 2));
	const struct command *c = command_find(name);
	if (!c)
		return complain(USAGE, "unknown %s '%s'; teiten help lists them",
			name[0] == '-' ? "option" : "command", name);
	return finish(run(c, argc - 2, argv + 2));
}
