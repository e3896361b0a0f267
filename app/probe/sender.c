/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_log.h"
#include "tt_time.h"

int sender_init(struct sender *s, const struct config *c, const struct slots *slots) {
	memset(s, 0, sizeof(*s));
	s->batch = tt_batch_create();
	if (!s->batch)
		return -ENOMEM;
	s->probe = c->probe;
	s->epoch_s = c->epoch_s;
	s->slots = slots;
	s->uplinks[0] = "replay";
	s->uplink_n = c->replay ? 1 : c->uplink_n;
	for (unsigned i = 0; !c->replay && i < c->uplink_n; i++)
		s->uplinks[i] = c->uplinks[i].id;
	return 0;
}

void sender_free(struct sender *s) {
	tt_batch_destroy(&s->batch);
	free(s->meta_owned);
	s->meta_owned = NULL;
}

static int fail(struct sender *s, int rc, const char *what) {
	if (s->rc == 0)
		s->rc = tt_err_set(&s->err, rc, "%s: %s", what, strerror(-rc));
	return s->rc;
}

// What is in the batch at hand will not be sent.
static int give_up(struct sender *s, int rc, const char *what) {
	s->lost += s->packets;
	s->packets = 0;
	return fail(s, rc, what);
}

static int begin_batch(struct sender *s) {
	s->packets = 0;
	s->sensor_n = atomic_load_explicit(&s->slots->n, memory_order_acquire);
	int rc = tt_batch_begin(s->batch, s->probe, s->boot, s->epoch_s, s->slots->names,
		s->sensor_n, s->uplinks, s->uplink_n);
	return rc ? fail(s, rc, "batch") : 0;
}

// By which uplinks sensors see their packets, for what a spool gives up.
static int tell_ways(struct sender *s, const struct tt_catalog *catalog) {
	struct tt_link_way *ways = calloc(catalog->sensor_n + 1, sizeof(*ways));
	unsigned n = 0;
	if (!ways)
		return -ENOMEM;
	for (unsigned i = 0; i < catalog->sensor_n; i++) {
		const struct tt_sensor_conf *c = &catalog->sensors[i];
		if (!c->rule.uplink[0])
			continue;
		memcpy(ways[n].sensor, c->id, sizeof(ways[n].sensor));
		memcpy(ways[n++].uplink, c->rule.uplink, sizeof(ways[0].uplink));
	}
	int rc = tt_link_client_ways(s->link, ways, n);
	free(ways);
	return rc;
}

int sender_catalog(struct sender *s, const struct tt_catalog *catalog) {
	free(s->meta_owned);
	s->meta_owned = NULL;
	char *json = json_dumps(catalog->json, JSON_COMPACT);
	if (json && asprintf(&s->meta_owned, "{\"type\":\"catalog\",\"sensors\":%s}", json) < 0)
		s->meta_owned = NULL;
	free(json);
	s->meta = s->meta_owned;
	if (s->meta && s->link && tell_ways(s, catalog))
		return fail(s, -ENOMEM, "catalogue");
	return s->meta ? 0 : fail(s, -ENOMEM, "catalogue");
}

int sender_begin(struct sender *s, const char *boot, struct tt_link_client *link,
	const struct tt_catalog *catalog) {
	s->link = link;
	s->seq = 0;
	s->observations = 0;
	s->rc = 0;
	snprintf(s->boot, sizeof(s->boot), "%s", boot);
	int rc = sender_catalog(s, catalog);
	return rc ? rc : begin_batch(s);
}

// a line a minute
static void tell_given_up(struct sender *s) {
	int64_t now = tt_mono_ns();
	if (s->told_ns && now - s->told_ns < 60 * TT_NS)
		return;
	s->told_ns = now;
	tt_log(TT_WARN, "%s", s->err.msg);
}

static int send_batch(struct sender *s) {
	const void *msg;
	size_t len;
	int rc = 0;
	if (s->meta) {
		rc = tt_batch_set_meta(s->batch, s->meta, strlen(s->meta));
		s->meta = NULL;
	}
	if (rc == 0)
		rc = tt_batch_encode(s->batch, s->seq + 1, &msg, &len);
	if (rc)
		return give_up(s, rc, "batch");
	s->seq++;
	if (s->link) {
		rc = tt_link_client_send(s->link, s->seq, s->packets, msg, len, &s->err);
		// given up: the link counted it, tells the collector, and says so in health
		if (rc == -EAGAIN) {
			tell_given_up(s);
		} else if (rc && s->rc == 0) {
			s->lost += s->packets;
			s->packets = 0;
			s->rc = rc;
		}
	}
	return s->rc ? s->rc : begin_batch(s);
}

int sender_flush(struct sender *s) {
	if (s->rc || (tt_batch_empty(s->batch) && !s->meta))
		return s->rc;
	return send_batch(s);
}

int sender_refresh(struct sender *s) {
	if (s->rc || atomic_load_explicit(&s->slots->n, memory_order_acquire) == s->sensor_n)
		return s->rc;
	return tt_batch_empty(s->batch) ? begin_batch(s) : send_batch(s);
}

void sender_restart(struct sender *s) {
	s->lost += s->packets;
	s->rc = 0;
	begin_batch(s);
}

int sender_document(struct sender *s, const char *json) {
	if (sender_flush(s))
		return s->rc;
	s->meta = json;
	return send_batch(s);
}

void sender_obs(struct sender *s, const struct tt_obs *o) {
	if (s->rc) {
		s->lost += o->packets;
		return;
	}
	int rc = tt_batch_add_obs(s->batch, o);
	if (rc == -ENOSPC && send_batch(s) == 0)
		rc = tt_batch_add_obs(s->batch, o);
	if (rc) {
		s->lost += o->packets;
		fail(s, rc, "batch");
		return;
	}
	s->packets += o->packets;
	s->observations += !(o->flags & TT_OBS_SPILLED);
}

void sender_tally(struct sender *s, const struct tt_tally *t) {
	if (s->rc)
		return;
	int rc = tt_batch_add_tally(s->batch, t);
	if (rc == -ENOSPC && send_batch(s) == 0)
		rc = tt_batch_add_tally(s->batch, t);
	if (rc)
		fail(s, rc, "batch");
}

void sender_state(struct sender *s, const struct tt_sensor_state *t) {
	if (s->rc)
		return;
	int rc = tt_batch_add_state(s->batch, t);
	if (rc == -ENOSPC && send_batch(s) == 0)
		rc = tt_batch_add_state(s->batch, t);
	if (rc)
		fail(s, rc, "batch");
}
