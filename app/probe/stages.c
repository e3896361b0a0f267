/* SPDX-License-Identifier: BSD-3-Clause */
#include "stages.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight.h"
#include "probe.h"
#include "telemetry.h"
#include "tt_file.h"
#include "tt_log.h"
#include "tt_privilege.h"

static int start_config(struct probe *p, struct tt_err *err) {
	return config_load(&p->config, &p->options, err);
}
static void stop_config(struct probe *p) {
	config_free(&p->config);
}

static int start_signals(struct probe *p, struct tt_err *err) {
	(void)p;
	// every thread inherits this; the main thread takes them one by one
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return tt_err_set(err, -errno, "signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int start_rules(struct probe *p, struct tt_err *err) {
	struct rules *r = rules_create(&p->config, &p->slots, 1, err);
	if (!r)
		return -errno;
	atomic_store(&p->rules.current, r);
	// the workers and the harvester read them
	return rules_ref_init(&p->rules, p->config.worker_n + 1);
}
static void stop_rules(struct probe *p) {
	rules_ref_free(&p->rules);
	slots_free(&p->slots);
}

// The plan as far as it can be made before DPDK runs: no less than it will be.
static void plan_guess(struct probe *p) {
	const struct config *c = &p->config;
	struct plan_device devices[UPLINK_MAX];
	struct plan_worker workers[WORKER_MAX];
	for (unsigned i = 0; i < c->worker_n; i++)
		workers[i] = (struct plan_worker){c->workers[i], -1};
	unsigned n = c->replay ? 0 : c->uplink_n;
	for (unsigned i = 0; i < n; i++)
		uplink_guess(&c->uplinks[i], &devices[i]);
	plan_make(&p->plan, devices, n, workers, c->worker_n);
}

static unsigned buffers_mb(const struct plan *plan, uint64_t page) {
	return (unsigned)(plan_bytes(plan, page) >> 20) + 16;
}

static struct eal_need estimate(struct probe *p) {
	struct tt_flow_conf conf;
	workers_flow_conf(p, 0, &conf);
	plan_guess(p);
	size_t each = tt_flow_estimate(&conf);
	// an eighth more for what the allocator loses between large pieces
	return (struct eal_need){(unsigned)((each + each / 8) * p->config.worker_n >> 20) + 16,
		buffers_mb(&p->plan, 2u << 20), buffers_mb(&p->plan, (uint64_t)getpagesize())};
}

static struct preflight *look_at_machine(struct probe *p) {
	static struct machine machine;
	static struct preflight preflight;
	struct eal_need need = estimate(p);
	machine_read(&machine, "");
	preflight_run(&preflight, &p->config, &machine, need.tables + need.buffers);
	return &preflight;
}

// Said before DPDK starts, which would say less.
static int start_preflight(struct probe *p, struct tt_err *err) {
	const struct preflight *x = look_at_machine(p);
	(void)err;
	for (unsigned i = 0; i < x->n; i++) {
		const struct preflight_finding *f = &x->findings[i];
		if (f->level >= PREFLIGHT_WARNING)
			tt_log(f->level == PREFLIGHT_ERROR ? TT_ERR : TT_WARN, "%s: %s%s%s",
				f->check, f->finding, *f->remedy ? "; mend: " : "", f->remedy);
	}
	return 0; // DPDK decides
}

int stages_preflight(struct probe *p) {
	struct tt_err err = {""};
	struct tt_buf out = TT_BUF_INIT(1 << 20);
	int status = 2;
	if (start_config(p, &err) == 0 && start_rules(p, &err) == 0) {
		const struct preflight *x = look_at_machine(p);
		if (p->options.json)
			preflight_json(x, &out);
		else
			preflight_text(x, &out);
		status = preflight_worst(x) == PREFLIGHT_ERROR;
		if (out.rc)
			status = 1;
		else
			fwrite(out.data, 1, out.len, stdout); // main looks whether that went well
		stop_rules(p);
	} else {
		tt_log(TT_ERR, "%s", err.msg);
	}
	tt_buf_free(&out);
	stop_config(p);
	return status;
}

static int start_eal(struct probe *p, struct tt_err *err) {
	struct eal_need need = estimate(p);
	int rc = eal_start(&p->eal, &p->config, &need, err);
	if (rc == 0)
		clock_init(&p->clock);
	return rc;
}
static void stop_eal(struct probe *p) {
	eal_stop(&p->eal);
}

static int start_sender(struct probe *p, struct tt_err *err) {
	uint64_t boot;
	tt_random(&boot, sizeof(boot));
	snprintf(p->boot, sizeof(p->boot), "%016llx", (unsigned long long)boot);
	if (sender_init(&p->sender, &p->config, &p->slots) || totals_init(&p->totals, p->slots.cap))
		return tt_err_set(err, -ENOMEM, "out of memory");
	return 0;
}
static void stop_sender(struct probe *p) {
	sender_free(&p->sender);
	totals_free(&p->totals);
}

static int start_jobs(struct probe *p, struct tt_err *err) {
	jobs_init(&p->jobs);
	return workers_launch(p, err);
}

struct stage {
	const char *name;
	int (*start)(struct probe *p, struct tt_err *err);
	void (*stop)(struct probe *p); // NULL: nothing to undo
	int status;		       // of the program when it fails
};

static int start_uplinks(struct probe *p, struct tt_err *err) {
	const struct config *c = &p->config;
	struct plan_device devices[UPLINK_MAX];
	struct plan_worker workers[WORKER_MAX];
	int rc = 0;
	unsigned i;
	p->uplinks = calloc(c->uplink_n, sizeof(*p->uplinks));
	if (!p->uplinks)
		return tt_err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < c->uplink_n && rc == 0; i++) {
		p->uplink_n = i + 1; // what is to be closed
		rc = uplink_open(&p->uplinks[i], &c->uplinks[i], &p->plan.uplinks[i], &p->eal,
			&devices[i], err);
	}
	for (unsigned k = 0; k < p->worker_n; k++)
		workers[k] = (struct plan_worker){
			p->workers[k].lcore, (int)rte_lcore_to_socket_id(p->workers[k].lcore)};
	if (rc == 0)
		plan_make(&p->plan, devices, c->uplink_n, workers, p->worker_n);
	for (unsigned k = 0; k < c->uplink_n && rc == 0; k++) {
		i = k + 1;
		rc = uplink_start(&p->uplinks[k], &p->plan.uplinks[k], c->idle, err);
	}
	return rc ? tt_err_prefix(err, rc, "%s: $.uplinks[%u]", c->path, i - 1) : 0;
}
static void stop_uplinks(struct probe *p) {
	for (unsigned i = 0; p->uplinks && i < p->uplink_n; i++)
		uplink_close(&p->uplinks[i]);
	free(p->uplinks);
	p->uplinks = NULL;
}

static int start_privileges(struct probe *p, struct tt_err *err) {
	return tt_privilege_drop(p->config.user, p->config.group, err);
}

static int start_publisher(struct probe *p, struct tt_err *err) {
	return publisher_start(&p->publisher, &p->config, err);
}
static void stop_publisher(struct probe *p) {
	publisher_stop(&p->publisher);
}

static int start_link(struct probe *p, struct tt_err *err) {
	const struct config *c = &p->config;
	const struct tt_link_client_conf conf = {.endpoint = c->collector,
		.probe = c->probe,
		.boot = p->boot,
		.keys = c->keys,
		.spool = c->spool,
		.spool_max = c->spool_max,
		.window = c->window};
	if (!c->collector)
		return 0;
	p->link = tt_link_client_create(&conf, err);
	return p->link ? 0 : -errno;
}
static void stop_link(struct probe *p) {
	tt_link_client_destroy(&p->link);
}

static int start_telemetry(struct probe *p, struct tt_err *err) {
	int rc = p->eal.telemetry ? telemetry_start(p) : 0;
	(void)err;
	if (rc) // one can live without
		tt_log(TT_WARN, "no telemetry: %s", strerror(-rc));
	return 0;
}
static void stop_telemetry(struct probe *p) {
	(void)p;
	telemetry_stop();
}

static const struct stage live_stages[] = {
	{"configuration", start_config, stop_config, 2},
	{"signals", start_signals, NULL, 1},
	{"rules", start_rules, stop_rules, 2},
	{"preflight", start_preflight, NULL, 1},
	{"environment", start_eal, stop_eal, 1},
	{"tables", workers_create, workers_destroy, 1},
	{"uplinks", start_uplinks, stop_uplinks, 1},
	{"privileges", start_privileges, NULL, 1},
	{"publisher", start_publisher, stop_publisher, 1},
	{"sender", start_sender, stop_sender, 1},
	{"link", start_link, stop_link, 1},
	{"workers", live_start, NULL, 1},
	{"telemetry", start_telemetry, stop_telemetry, 1},
	{NULL, NULL, NULL, 0},
};

static const struct stage replay_stages[] = {
	{"configuration", start_config, stop_config, 2},
	{"signals", start_signals, NULL, 1},
	{"rules", start_rules, stop_rules, 2},
	{"environment", start_eal, stop_eal, 1},
	{"tables", workers_create, workers_destroy, 1},
	{"sender", start_sender, stop_sender, 1},
	{"link", start_link, stop_link, 1},
	{"workers", start_jobs, NULL, 1},
	{NULL, NULL, NULL, 0},
};

int stages_run(struct probe *p) {
	const struct stage *stages = p->options.replay ? replay_stages : live_stages, *s = stages;
	struct tt_err err = {""};
	int rc = 0, status = 0;
	for (; s->name; s++) {
		tt_log(TT_DEBUG, "start: %s", s->name);
		rc = s->start(p, &err);
		if (rc)
			break;
	}
	if (rc) {
		if (s->start == start_eal || s->start == workers_create)
			eal_retry(&p->eal, &p->config, p->options.argv);
		tt_log(TT_ERR, "%s", err.msg[0] ? err.msg : strerror(-rc));
		status = s->status;
		// what it began it also undoes
		s += s->stop != NULL;
	} else {
		status = p->options.replay ? replay_run(p) : live_run(p);
	}
	while (s-- > stages) {
		tt_log(TT_DEBUG, "stop: %s", s->name);
		if (s->stop)
			s->stop(p);
	}
	return status;
}
