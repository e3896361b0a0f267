/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_names.h"

/// The acknowledged way of batches: DEALER at the probe, ROUTER at the collector. A batch is
/// remembered (in memory, or in a spool on disk) until the collector says it is committed.

/// CURVE keys as Z85 text (40 characters + NUL); empty: no CURVE (ipc and loopback only).
struct tt_link_keys {
	char public_key[41], secret_key[41];
	char server_key[41]; // client side: the pinned key of the server
};
/// Reads a file of `teiten keygen`: the secret key (Z85) on its first line; derives the public one.
/// -EPERM where others can read it. 0, or -errno with a message.
int tt_link_keys_load(struct tt_link_keys *keys, const char *path, struct tt_err *err);
/// Draws a pair of keys and writes the secret one to `path` (mode 600) and the public one to
/// `path`.pub (644); neither may be there. -EEXIST, -errno with a message.
int tt_link_keys_create(const char *path, char public_key[41], struct tt_err *err);
/// Whether a text can be an endpoint: tcp://HOST:PORT (1 to 65535, or "*" to listen on), ipc://PATH
/// or inproc://NAME. 0, or -EINVAL with a message. libzmq takes ports modulo 65,536.
int tt_link_endpoint_check(const char *endpoint, struct tt_err *err);
/// Whether an endpoint may go without CURVE: ipc://, inproc://, tcp:// to a literal address of
/// 127.0.0.0/8, to [::1], or to localhost.
bool tt_link_is_local(const char *endpoint);

struct tt_link_client_conf {
	const char *endpoint;
	const char *probe, *boot;
	struct tt_link_keys keys;
	const char *spool; // file; NULL: memory
	/// Bytes that wait at most. Past that the observations of the oldest are given up, counted,
	/// and told to the collector in their place (wire-format.md, `given_up`).
	uint64_t spool_max;
	unsigned window;    // batches in flight; 0: 64
	bool block;	    // send waits for room instead of giving up (replay)
	unsigned resend_ms; // 0: 5,000
};
struct tt_link_client_stats {
	uint64_t sent, acked, resent, refused, lost_batches, lost_packets;
	uint64_t spool_batches, spool_bytes;
	double lag_s; // age of the oldest batch that is not acknowledged
	bool connected;
};
struct tt_link_client;

/// Starts the client's own thread, which owns the socket. NULL with errno and a message (bad
/// endpoint, CURVE missing, spool unusable).
struct tt_link_client *tt_link_client_create(
	const struct tt_link_client_conf *conf, struct tt_err *err);
/// The uplink that a sensor's packets come by; one that is not told comes by any.
struct tt_link_way {
	char sensor[TT_ID_LEN], uplink[TT_ID_LEN];
};
/// Tells by which uplinks sensors see their packets (copied), so that what is given up is booked
/// where it is missing. Replaces what was told before. Any thread. 0 or -ENOMEM.
int tt_link_client_ways(struct tt_link_client *c, const struct tt_link_way *ways, unsigned n);
/// Hands over one encoded batch (copied). One thread at a time. 0; -EAGAIN where there was no room
/// for it or older ones (counted); -ESHUTDOWN, -ECONNREFUSED where the collector refused this probe
/// for good (message).
int tt_link_client_send(struct tt_link_client *c, uint64_t seq, uint64_t packets, const void *msg,
	size_t len, struct tt_err *err);
/// Waits until everything sent is acknowledged, at most timeout_ms (-1: as long as it takes while
/// progress is made; 30 s without any is -ETIMEDOUT). 0 or -errno with a message.
int tt_link_client_flush(struct tt_link_client *c, int timeout_ms, struct tt_err *err);
void tt_link_client_stats(struct tt_link_client *c, struct tt_link_client_stats *out);
void tt_link_client_destroy(struct tt_link_client **c);

/// A client's public key, and the only name that it may speak for.
struct tt_link_peer_key {
	char name[TT_ID_LEN];
	char key[41];
};
struct json_t;
/// The keys of a configuration's list of {member: name, "key": key}, in memory that the caller
/// frees (NULL for an empty list). 0 or -ENOMEM.
int tt_link_peer_keys(
	const struct json_t *list, const char *member, struct tt_link_peer_key **out, unsigned *n);
struct tt_link_server_conf {
	const char *endpoint;
	struct tt_link_keys keys;
	unsigned window; // credit per probe
	/// With keys: the clients that may connect, nobody else (none given: nobody). Needs a
	/// context of its own.
	const struct tt_link_peer_key *allowed;
	unsigned allowed_n;
};
/// What was refused since the start.
struct tt_link_refused {
	uint64_t keys;	      // handshakes with a key that is not on the list
	uint64_t connections; // ended before they showed a key: slow, too many, garbage
	uint64_t revoked;     // connections and messages of keys that were taken off the list
	uint64_t messages;    // none of the protocol, or against its limits
	uint64_t names;	      // of another key
	uint64_t versions;    // probes that speak others
	uint64_t batches;     // damaged, or of another's name
};
struct tt_link_server;
struct tt_link_server *tt_link_server_create(
	void *zmq_ctx, const struct tt_link_server_conf *conf, struct tt_err *err);
void tt_link_server_destroy(struct tt_link_server **s);
/// Puts another list of keys in force: connections of keys that stay are not touched, those of keys
/// that went are ended. Any thread. -EINVAL with a message; then the old list stays. Without keys
/// nothing happens.
int tt_link_server_allow(struct tt_link_server *s, const struct tt_link_peer_key *allowed,
	unsigned n, struct tt_err *err);
void tt_link_server_refused(struct tt_link_server *s, struct tt_link_refused *out);
/// How many milliseconds our clock is before a probe's: the least that its messages showed since it
/// was last asked, which contains the time that the quickest of them took. -ENOENT: not connected.
int tt_link_server_skew_ms(struct tt_link_server *s, const char *probe, int64_t *ms);
/// Answers since the start that found their probe gone or its queue full. None is lost by that:
/// what is committed is said again when the probe asks again. The thread that created the server.
uint64_t tt_link_server_unanswered(const struct tt_link_server *s);
/// The ROUTER socket, for zmq_poll; only the thread that created the server may use it.
void *tt_link_server_socket(struct tt_link_server *s);

/// What the collector does with a batch. Return 1: stored now, 0: was there already (both are
/// acknowledged by the next tt_link_server_commit), -errno: not taken (the sender tries again
/// later; -EPROTONOSUPPORT, -EBADMSG and -EPERM: refused for good, with the reason).
typedef int tt_link_batch_fn(void *arg, const char *probe, const char *boot, uint64_t seq,
	const void *msg, size_t len, struct tt_err *err);
/// Receives what is there (at most `max` batches) and calls fn for each. Returns the number of
/// messages handled.
int tt_link_server_receive(struct tt_link_server *s, unsigned max, tt_link_batch_fn *fn, void *arg);
/// After the store's transaction is on disk: sends the acknowledgements.
void tt_link_server_commit(struct tt_link_server *s);
/// The transaction failed: tells the senders of what fn took since the last commit to try again
/// later, and why, and forgets it.
void tt_link_server_rollback(struct tt_link_server *s, const char *why);

/// PUB streams: two frames, topic and JSON. One thread. A slow subscriber misses what is past `hwm`
/// and holds nobody up.
struct tt_pub;
struct tt_pub_conf {
	const char *endpoint;
	int hwm; // messages that wait for a subscriber; 0: 1,000
	struct tt_link_keys keys;
	const struct tt_link_peer_key *allowed; // readers, as those of a server
	unsigned allowed_n;
};
struct tt_pub *tt_pub_create(void *zmq_ctx, const struct tt_pub_conf *conf, struct tt_err *err);
int tt_pub_send(struct tt_pub *p, const char *topic, const char *json, size_t len);
/// Takes in subscriptions; tt_pub_send does so too. To be called now and then.
void tt_pub_serve(struct tt_pub *p);
/// As tt_link_server_allow: a reader that is taken off the list hears nothing more.
int tt_pub_allow(
	struct tt_pub *p, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err);
/// Adds what was refused to out.
void tt_pub_refused(struct tt_pub *p, struct tt_link_refused *out);
void tt_pub_destroy(struct tt_pub **p);
