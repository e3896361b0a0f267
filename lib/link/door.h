/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <zmq.h>

#include "tt_link.h"

#define DOOR_DOMAIN "teiten" // of ZAP

/// Who may come in: the list of keys of the CURVE sockets of one context, and what those who are on
/// it may not do. Answers libzmq's question at the handshake (ZAP, RFC 27 of ZeroMQ), is asked
/// again for every message, and ends connections: of keys that were taken off the list, of
/// strangers that are too many, too frequent or too slow. Has a thread of its own; one a context.
struct door;
struct door_conf {
	const char *endpoint; // for messages
	const struct tt_link_peer_key *allowed;
	unsigned allowed_n;
	unsigned per_key; // connections of one key
	bool quiet;	  // strangers have no more to send than a handshake (CONNS_BYTES)
};
struct door *door_create(void *ctx, const struct door_conf *conf, struct tt_err *err);
void door_destroy(struct door **d);
/// Begins to watch a socket of the context; before it is bound. -errno.
int door_watch(struct door *d, void *socket);
/// Puts another list in force, and ends the connections of keys that are not on it. Any thread.
int door_allow(
	struct door *d, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err);
/// Who the message is from; false, and its connection ended, where its key is not on the list (any
/// more). Any thread.
bool door_name(struct door *d, zmq_msg_t *m, char name[TT_ID_LEN]);
/// Ends the connection that the message came by, whose peer broke the rules: `what`.
void door_throw_out(struct door *d, zmq_msg_t *m, const char *what);
/// Counts a subscription; false, and its connection ended, past CONNS_TOPICS_MAX.
bool door_subscribed(struct door *d, zmq_msg_t *m);
/// Adds what was refused to out.
void door_refused(struct door *d, struct tt_link_refused *out);
