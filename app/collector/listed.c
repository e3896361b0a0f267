/* SPDX-License-Identifier: BSD-3-Clause */
#include "listed.h"

#include "tt_log.h"
#include "tt_time.h"

static uint64_t signature(const struct listed *l) {
	return tt_path_signature(l->o->file, 0);
}

void listed_init(struct listed *l, struct options *o) {
	*l = (struct listed){.o = o};
	if (o->file)
		l->watch.used = l->watch.seen = signature(l);
}

static int load(struct listed *l) {
	struct options *o = l->o;
	struct tt_err err = {""};
	int rc = options_reload_keys(o, &err);
	if (!rc)
		rc = tt_link_server_allow(l->server, o->probe_keys, o->probe_key_n, &err);
	if (!rc && l->pub)
		rc = tt_pub_allow(l->pub, o->reader_keys, o->reader_key_n, &err);
	if (rc)
		tt_log(TT_ERR, "%s; the lists of keys in force stay", err.msg);
	return rc;
}

void listed_reload(struct listed *l) {
	if (l->o->file)
		l->watch.used = l->watch.seen = signature(l);
	load(l);
}

void listed_look(struct listed *l) {
	int64_t now = tt_mono_ns();
	if (!l->o->file || now < l->next)
		return;
	l->next = now + TT_NS;
	if (tt_file_watch_changed(&l->watch, signature(l)) && load(l) == 0)
		tt_log(TT_INFO, "%s: the lists of keys were read again", l->o->file);
}
