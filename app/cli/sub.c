/* SPDX-License-Identifier: BSD-3-Clause */
#include "sub.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <zmq.h>

#include "tt_time.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig) {
	interrupted = 1;
}

void sub_signals(void) {
	struct sigaction sa = {.sa_handler = on_signal}; // no SA_RESTART: waiting ends
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool sub_interrupted(void) {
	return interrupted;
}

static int read_keys(const struct args *a, struct tt_link_keys *keys, struct tt_err *err) {
	const char *server = arg(a, "server-key"), *file = arg(a, "secret-key-file");
	memset(keys, 0, sizeof(*keys));
	if (!server && !file)
		return 0;
	if (!server || strlen(server) != 40)
		return tt_err_set(
			err, -EINVAL, "--server-key: expected a Z85 key of 40 characters");
	memcpy(keys->server_key, server, 40);
	if (file)
		return tt_link_keys_load(keys, file, err);
	if (zmq_curve_keypair(keys->public_key, keys->secret_key))
		return tt_err_set(err, -errno, "drawing a key: %s", zmq_strerror(errno));
	return 0;
}

struct tt_sub *sub_open(const struct args *a, const char *endpoint, const char *const *topics,
	unsigned n, int *status) {
	struct tt_link_keys keys;
	struct tt_err err = {0};
	if (tt_link_endpoint_check(endpoint, &err) || read_keys(a, &keys, &err)) {
		*status = complain(USAGE, "%s: %s", a->command->name, err.msg);
		return NULL;
	}
	if (!keys.server_key[0] && !tt_link_is_local(endpoint)) {
		*status = complain(USAGE,
			"%s: %s is neither ipc nor loopback, expected --server-key too",
			a->command->name, endpoint);
		return NULL;
	}
	struct tt_sub *s =
		tt_sub_create(endpoint, topics, n, keys.server_key[0] ? &keys : NULL, &err);
	if (!s)
		*status = complain(errno == EINVAL || errno == EACCES || errno == EPROTONOSUPPORT
					   ? USAGE
					   : FAILED,
			"%s: %s", a->command->name, err.msg);
	return s;
}

const char *sub_error(int rc) {
	return rc == -EACCES ? "the publisher does not let this key in, expected one of its "
			       "\"reader_keys\", and its own public key in --server-key"
			     : strerror(-rc);
}

int timeout_read(const struct args *a, int64_t preset, int64_t *ms, struct tt_err *err) {
	const char *text = arg(a, "timeout");
	uint64_t s;
	*ms = preset;
	if (!text)
		return 0;
	if (number(text, 1, 86400, &s))
		return tt_err_set(
			err, -EINVAL, "--timeout: '%s', expected 1 to 86400 seconds", text);
	*ms = (int64_t)s * 1000;
	return 0;
}

// A message is a line: JSON has no line ends but between its tokens.
static void print_line(const char *topic, const char *json, size_t len) {
	if (topic)
		printf("%s ", topic);
	for (size_t i = 0; i < len; i++)
		putchar(json[i] == '\n' || json[i] == '\r' ? ' ' : json[i]);
	putchar('\n');
	fflush(stdout);
}

// What this subscriber was too slow for: a line at most once a second, and one at the end.
struct missed {
	uint64_t all, untold;
	int64_t told_ns;
};

static void tell_missed(struct missed *m, const char *topic) {
	if (!m->untold)
		return;
	complain(DONE,
		"sub: %" PRIu64 " messages missed, the last before one of %s (%" PRIu64 " in all)",
		m->untold, topic, m->all);
	m->untold = 0;
	m->told_ns = tt_mono_ns();
}

static void note_missed(struct missed *m, uint64_t n, const char *topic) {
	m->all += n;
	m->untold += n;
	if (tt_mono_ns() - m->told_ns >= TT_NS)
		tell_missed(m, topic);
}

static int print_stream(struct tt_sub *s, bool with_topic, uint64_t n, int64_t timeout) {
	const char *topic = "", *json;
	struct missed missed = {0};
	int status = DONE;
	size_t len;
	for (uint64_t i = 0; (!n || i < n) && !interrupted && !ferror(stdout) && !status;) {
		int rc = tt_sub_next(s, (int)timeout, &topic, &json, &len);
		if (rc == 1) {
			print_line(with_topic ? topic : NULL, json, len);
			note_missed(&missed, tt_sub_missed(s), topic);
			i++;
		} else if (rc == 0 && timeout >= 0) {
			status = complain(FAILED, "sub: no message within %lld s",
				(long long)(timeout / 1000));
		} else if (rc < 0 && rc != -EINTR) {
			status = complain(FAILED, "sub: %s", sub_error(rc));
		}
	}
	tell_missed(&missed, topic);
	return status;
}

int run_sub(const struct args *a) {
	struct tt_err err = {0};
	const char *text = arg(a, "number");
	uint64_t n = 0;
	int64_t timeout;
	int status = DONE;
	if (text && number(text, 1, UINT64_MAX, &n))
		return complain(USAGE, "sub: -n: '%s', expected a number", text);
	if (timeout_read(a, -1, &timeout, &err))
		return complain(USAGE, "sub: %s", err.msg);
	sub_signals();
	struct tt_sub *s = sub_open(a, a->operands[0], &a->operands[1], a->operand_n - 1, &status);
	if (!s)
		return status;
	status = print_stream(s, arg(a, "topic") != NULL, n, timeout);
	tt_sub_destroy(&s);
	return status;
}
