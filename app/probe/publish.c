/* SPDX-License-Identifier: BSD-3-Clause */
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

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
	if (!c->publish)
		return 0;
	p->ctx = zmq_ctx_new();
	if (!p->ctx)
		return tt_err_set(err, -errno, "zmq: %s", zmq_strerror(errno));
	p->pub = tt_pub_create(p->ctx, c->publish, c->hwm, &c->publish_keys, err);
	return p->pub ? 0 : -errno;
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
	while (m) {
		struct pending *next = m->next;
		if (p->pub)
			(void)tt_pub_send(p->pub, m->topic, m->json, m->len);
		free(m);
		m = next;
	}
}
