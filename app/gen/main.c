/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "schedule.h"
#include "tt_file.h"
#include "tt_log.h"
#include "tt_out.h"
#include "tt_time.h"

/// Everything that a run needs, made in this order.
struct run {
	struct options o;
	struct scenario s;
	struct regions regions;
	struct targets targets;
	struct sources sources;
	struct schedule *schedule;
	struct maker maker;
	struct truth *truth;
	struct output *output;
	struct port *port;
};

static int prepare(struct run *r, struct tt_err *err) {
	regions_default(&r->regions);
	int rc = r->o.regions ? regions_load(&r->regions, r->o.regions, err) : 0;
	if (rc == 0)
		rc = targets_init(&r->targets, r->o.sensors, err);
	if (rc == 0 && r->o.links)
		rc = targets_links(&r->targets, r->o.links, err);
	scenario_init(&r->s);
	if (r->o.has_six)
		r->s.six = r->o.six;
	if (rc == 0)
		rc = scenario_load(&r->s, r->o.scenario, &r->regions, &r->targets, err);
	if (rc < 0)
		return rc;
	options_apply(&r->o, &r->s);
	if (r->s.end_ns <= r->s.start_ns || r->s.end_ns / TT_NS > TT_TIME_MAX)
		return tt_err_set(err, -EINVAL, "the span ends before it starts, or after 2106");
	return 0;
}

static int write_beside(struct run *r, struct tt_err *err) {
	int rc = 0;
	if (r->o.write_sensors) {
		struct tt_buf b = TT_BUF_INIT(64u << 20);
		const char *text = sensors_default;
		if (r->o.sensors)
			rc = tt_file_read(r->o.sensors, &b, err);
		size_t n = r->o.sensors ? b.len : strlen(text);
		if (rc == 0)
			rc = tt_file_write(r->o.write_sensors, r->o.sensors ? (char *)b.data : text,
				n, 0644, err);
		tt_buf_free(&b);
	}
	if (rc == 0 && r->o.write_rir)
		rc = regions_write(&r->regions, r->o.write_rir, r->s.end_ns / TT_NS, err);
	return rc;
}

static int make_parts(struct run *r, struct tt_err *err) {
	struct rng pools;
	rng_seed(&pools, r->s.seed ^ 0x706f6f6c73ull); // not the packets' numbers
	int rc = sources_init(&r->sources);
	if (rc == 0)
		rc = schedule_pools(&r->s, &r->regions, &r->sources, &pools, err);
	if (rc == 0)
		rc = maker_init(&r->maker, &r->s, &r->regions, &r->targets, &r->sources);
	if (rc < 0)
		return rc;
	r->schedule = schedule_create(&r->s, &r->regions, &r->targets, &r->sources, err);
	if (!r->schedule)
		return -EINVAL;
	if (r->o.truth) {
		bool given = r->o.split_n > 0;
		r->truth = truth_create(&r->s, &r->regions, &r->targets, &r->sources,
			given ? r->o.splits : r->s.cuts, given ? r->o.split_n : r->s.cut_n,
			r->o.epoch_s, r->o.snaplen);
		if (!r->truth)
			return tt_err_set(err, -ENOMEM, "out of memory");
	}
	if (r->o.port)
		r->port = port_open(&r->o, err);
	else
		r->output = output_files(&r->o, &r->s, &r->targets, err);
	return r->port || r->output ? 0 : -EIO;
}

static int generate(struct run *r, uint64_t *made, struct tt_err *err) {
	struct packet *own = malloc(sizeof(*own));
	struct rng times;
	int64_t ns;
	int rc = own ? 0 : tt_err_set(err, -ENOMEM, "out of memory");
	rng_seed(&times, r->s.seed ^ 0x74696d6573ull);
	while (rc == 0 && schedule_time(r->schedule, &times, &ns)) {
		struct pick pick;
		r->maker.ns = ns;
		const struct packet *p = maker_pending(&r->maker);
		for (int tries = 0; !p && tries < 1000; tries++) {
			schedule_pick(r->schedule, &r->maker.rng, &pick);
			if (maker_make(&r->maker, &pick, own))
				p = own;
		}
		if (!p) {
			rc = tt_err_set(err, -EINVAL, "no packet can be made for these sensors");
			break;
		}
		if (r->truth && truth_count(r->truth, ns, p) < 0)
			rc = tt_err_set(err, -ENOMEM, "out of memory");
		else if (r->port)
			rc = port_send(r->port, p);
		else
			rc = output_write(r->output, ns, p, err);
		(*made)++;
	}
	free(own);
	return rc;
}

static int finish(struct run *r, int rc, struct tt_err *err) {
	struct tt_err other;
	uint64_t made = 0;
	if (rc == 0)
		rc = generate(r, &made, err);
	int end = output_finish(&r->output, rc < 0 ? &other : err);
	uint64_t sent = r->port ? port_close(&r->port) : made;
	rc = rc < 0 ? rc : end;
	if (rc == 0 && r->truth)
		rc = truth_write(r->truth, r->o.truth, r->o.cells, err);
	if (rc == 0)
		printf("{\"packets\":%" PRIu64 ",\"sent\":%" PRIu64 "}\n", made, sent);
	truth_destroy(&r->truth);
	schedule_destroy(&r->schedule);
	maker_free(&r->maker);
	return rc;
}

int main(int argc, char **argv) {
	static struct run r;
	struct tt_err err = {""};
	tt_log_name("teiten-gen");
	tt_log_to(tt_log_stderr);
	int rc = options_read(&r.o, argc, argv, &err);
	if (rc == 0) {
		rc = tt_err_input(prepare(&r, &err));
		if (rc == 0)
			rc = write_beside(&r, &err);
		if (rc == 0 && (r.o.output_n || r.o.port))
			rc = finish(&r, make_parts(&r, &err), &err);
	}
	sources_free(&r.sources);
	scenario_free(&r.s);
	targets_free(&r.targets);
	rc = rc < 0 ? rc : tt_out_end(&err);
	if (rc < 0)
		tt_log(TT_ERR, "%s", err.msg);
	return rc == 0 ? 0 : rc == -EINVAL || rc == -ENOENT ? 2 : 1;
}
