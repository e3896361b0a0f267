/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

typedef int report_fn(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err);

static int run(const struct args *a, report_fn *report) {
	struct question q;
	struct tt_err err = {0};
	int status = DONE;
	// what needs no database is looked at first
	if (question_read(a, NULL, &q, &err))
		return complain(USAGE, "%s: %s", a->command->name, err.msg);
	struct tt_store *s = open_db(a, &status);
	if (!s)
		return status;
	if (question_read(a, s, &q, &err)) {
		status = complain(USAGE, "%s: %s", a->command->name, err.msg);
	} else {
		struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
		// the answer appears whole, after the line that says how long it takes is gone
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		int rc = out ? report(s, &q.conf, out, &err) : -errno;
		if (out && fclose(out) && !rc)
			rc = tt_err_set(&err, -ENOMEM, "the answer: %s", strerror(ENOMEM));
		progress_stop(&p);
		if (rc)
			status = complain(FAILED, "%s: %s", a->command->name, err.msg);
		else
			fwrite(text, 1, len, stdout);
		free(text);
	}
	question_free(&q);
	tt_store_close(&s, NULL);
	return status;
}

int run_top(const struct args *a) {
	return run(a, tt_report_top);
}

int run_series(const struct args *a) {
	return run(a, tt_report_series);
}
