/* SPDX-License-Identifier: BSD-3-Clause */
// What was planted, as the scenario said it: whoever looks for it has something to compare with.
#include <stdio.h>
#include <string.h>

#include "truth.h"
#include "tt_time.h"

static void write_sensors(const struct truth *t, const struct event *e, FILE *f) {
	const char *sep = "";
	fputs(",\"sensors\":[", f);
	for (unsigned i = 0; i < t->targets->n; i++) {
		if (i < 64 && !(e->sensors >> i & 1))
			continue;
		fprintf(f, "%s\"%s\"", sep, t->targets->t[i].conf->id);
		sep = ",";
	}
	fputc(']', f);
}

static void write_time(const char *name, int64_t sec, bool open, FILE *f) {
	char at[TT_RFC3339_LEN];
	if (open)
		fprintf(f, ",\"%s\":null", name);
	else
		fprintf(f, ",\"%s\":\"%s\"", name, tt_time_format(sec, at));
}

void truth_write_events(const struct truth *t, FILE *f) {
	char proto[8];
	fputs(",\n\"planted\":[", f);
	for (unsigned i = 0; i < t->s->event_n; i++) {
		const struct event *e = &t->s->events[i];
		fprintf(f, "%s\n{\"type\":\"%s\"", i ? "," : "", e->type);
		if (e->class >= 0)
			fprintf(f, ",\"class\":\"%s\"", tt_class_name((enum tt_class)e->class));
		if (e->port >= 0)
			fprintf(f, ",\"proto\":\"%s\",\"port\":%d",
				tt_proto_format((uint8_t)e->proto, proto), e->port);
		if (e->region >= 0)
			fprintf(f, ",\"region\":\"%s\"", t->regions->r[e->region].cc);
		write_sensors(t, e, f);
		write_time("from", e->from, e->from == INT64_MIN, f);
		write_time("until", e->until, e->until == INT64_MAX, f);
		fprintf(f, ",\"ramp_days\":%g,\"before\":%g,\"factor\":%g,\"sources\":%u}",
			e->ramp_days, e->before, e->factor, e->sources);
	}
	fputs("]", f);
}
