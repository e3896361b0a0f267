/* SPDX-License-Identifier: BSD-3-Clause */
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "tt_conf.h"

// What the harvester may be ahead of the socket.
#define QUEUE_BYTES (256u << 20)

struct pending {
	struct pending *next;
	char topic[TT_TOPIC_LEN];
	size_t len;
	char json[];
};

int publisher_start(struct publisher *p, const struct config *c, struct tt_err *err) {
	pthread_mutex_init(&p->lock, NULL);
	p->head = NULL;
	p->tail = &p->head;
	if (c->path)
		p->watch.used = p->watch.seen = tt_path_signature(c->path, 0);
	if (!c->publish)
		return 0;
	p->ctx = zmq_ctx_new();
	if (!p->ctx)
		return tt_err_set(err, -errno, "zmq: %s", zmq_strerror(errno));
	struct tt_pub_conf conf = {.endpoint = c->publish, .hwm = c->hwm, .keys = c->publish_keys};
	struct tt_link_peer_key *readers = NULL;
	int rc = config_readers(c->json, &readers, &conf.allowed_n);
	if (rc)
		return tt_err_set(err, rc, "out of memory");
	conf.allowed = readers;
	p->pub = tt_pub_create(p->ctx, &conf, err);
	rc = p->pub ? 0 : -errno;
	free(readers);
	return rc;
}

int publisher_reload(struct publisher *p, const struct config *c, struct tt_err *err) {
	struct tt_link_peer_key *readers = NULL;
	unsigned n;
	json_t *json;
	if (!p->pub || !c->path)
		return 0;
	p->watch.used = p->watch.seen = tt_path_signature(c->path, 0);
	int rc = tt_conf_load(c->path, "probe", &json, err);
	if (rc)
		return rc;
	rc = config_readers(json, &readers, &n);
	rc = rc ? tt_err_set(err, rc, "out of memory") : tt_pub_allow(p->pub, readers, n, err);
	free(readers);
	json_decref(json);
	return rc;
}

bool publisher_changed(struct publisher *p, const struct config *c) {
	return p->pub && c->path && tt_file_watch_changed(&p->watch, tt_path_signature(c->path, 0));
}

void publisher_stop(struct publisher *p) {
	tt_pub_destroy(&p->pub);
	if (p->ctx)
		zmq_ctx_term(p->ctx);
	p->ctx = NULL;
	while (p->head) {
		struct pending *m = p->head;
		p->head = m->next;
		free(m);
	}
}

void publish_later(struct publisher *p, const char *topic, const struct tt_buf *json) {
	struct pending *m = json->rc ? NULL : malloc(sizeof(*m) + json->len);
	pthread_mutex_lock(&p->lock);
	if (!m || p->queued + json->len > QUEUE_BYTES) {
		p->dropped++;
		free(m);
	} else {
		m->next = NULL;
		m->len = json->len;
		snprintf(m->topic, sizeof(m->topic), "%s", topic);
		memcpy(m->json, json->data, json->len);
		*p->tail = m;
		p->tail = &m->next;
		p->queued += json->len;
	}
	pthread_mutex_unlock(&p->lock);
}

void publish_now(struct publisher *p, const char *topic, const struct tt_buf *json) {
	// a PUB socket drops for slow subscribers by itself; seq shows them the gap
	if (p->pub && json->rc == 0)
		(void)tt_pub_send(p->pub, topic, (const char *)json->data, json->len);
}

void publish_queued(struct publisher *p) {
	pthread_mutex_lock(&p->lock);
	struct pending *m = p->head;
	p->head = NULL;
	p->tail = &p->head;
	p->queued = 0;
	pthread_mutex_unlock(&p->lock);
	if (p->pub)
		tt_pub_serve(p->pub);
	while (m) {
		struct pending *next = m->next;
		if (p->pub)
			(void)tt_pub_send(p->pub, m->topic, m->json, m->len);
		free(m);
		m = next;
	}
}
