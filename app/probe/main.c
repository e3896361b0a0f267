/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "probe.h"
#include "stages.h"
#include "tt_log.h"
#include "tt_out.h"
#include "tt_privilege.h"

// The end of what only prints.
static int printed(int status) {
	struct tt_err err = {""};
	if (!tt_out_end(&err))
		return status;
	tt_log(TT_ERR, "%s", err.msg);
	return 1;
}

int main(int argc, char **argv) {
	static struct probe probe;
	struct tt_err err = {""};
	tt_log_name("teiten-probe");
	tt_log_to(tt_log_stderr);
	tt_privilege_start();
	int status = 2;
	if (options_parse(&probe.options, argc, argv, &err)) {
		tt_log(TT_ERR, "%s", err.msg);
	} else if (probe.options.help) {
		fputs(options_help(), stdout);
		status = printed(0);
	} else if (probe.options.version) {
		puts("teiten-probe " TT_VERSION);
		status = printed(0);
	} else if (probe.options.preflight) {
		status = printed(stages_preflight(&probe));
	} else {
		status = stages_run(&probe);
	}
	options_free(&probe.options);
	return status;
}
