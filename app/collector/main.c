/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "collector.h"
#include "tt_log.h"
#include "tt_out.h"
#include "tt_privilege.h"

int main(int argc, char **argv) {
	tt_log_name("teiten-collector");
	tt_log_to(tt_log_stderr);
	tt_privilege_start();
	struct options o;
	struct tt_err err = {""};
	int status = 0;
	if (options_read(&o, argc, argv, &err) < 0) {
		tt_log(TT_ERR, "%s", err.msg);
		status = 2;
	} else if (o.help) {
		fputs(options_help(), stdout);
	} else if (o.version) {
		puts("teiten-collector " TT_VERSION);
	} else {
		status = collector_run(&o);
	}
	options_free(&o);
	if (tt_out_end(&err) < 0) {
		tt_log(TT_ERR, "%s", err.msg);
		status = status ? status : 1;
	}
	return status;
}
