/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "preflight.h"

enum preflight_level preflight_worst(const struct preflight *p) {
	enum preflight_level worst = PREFLIGHT_OK;
	for (unsigned i = 0; i < p->n; i++)
		worst = p->findings[i].level > worst ? p->findings[i].level : worst;
	return worst;
}

const char *preflight_level_name(enum preflight_level level) {
	static const char *const names[] = {"ok", "advice", "warning", "error"};
	return names[level];
}

void preflight_text(const struct preflight *p, struct tt_buf *out) {
	for (unsigned i = 0; i < p->n; i++) {
		const struct preflight_finding *f = &p->findings[i];
		tt_buf_printf(
			out, "%-8s %s: %s\n", preflight_level_name(f->level), f->check, f->finding);
		if (*f->remedy)
			tt_buf_printf(out, "%-8s %s\n", "", f->remedy);
	}
}

int preflight_json(const struct preflight *p, struct tt_buf *out) {
	json_t *list = json_array();
	for (unsigned i = 0; i < p->n; i++) {
		const struct preflight_finding *f = &p->findings[i];
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:s?}", "check", f->check, "level",
				      preflight_level_name(f->level), "finding", f->finding,
				      "remedy", *f->remedy ? f->remedy : NULL));
	}
	json_t *root = json_pack("{s:s,s:i,s:s,s:s,s:I,s:o}", "kind", "preflight", "v", 1, "probe",
		p->config->probe, "worst", preflight_level_name(preflight_worst(p)), "need_mb",
		(json_int_t)p->need_mb, "checks", list);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	int rc = text ? tt_buf_printf(out, "%s\n", text) : -ENOMEM;
	free(text);
	json_decref(root);
	return rc;
}
