/* SPDX-License-Identifier: BSD-3-Clause */
#include "sub.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <zmq.h>

#include "tt_file.h"
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

static int read_secret(const char *path, struct tt_link_keys *keys, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(4096);
	int rc = tt_file_read(path, &b, err);
	if (rc)
		return rc;
	size_t n = b.data ? strcspn((char *)b.data, " \t\r\n") : 0;
	if (n != 40) {
		rc = tt_err_set(err, -EINVAL, "%s: expected a Z85 key of 40 characters", path);
	} else {
		memcpy(keys->secret_key, b.data, 40);
		if (zmq_curve_public(keys->public_key, keys->secret_key))
			rc = tt_err_set(err, -EINVAL, "%s: not a Z85 key", path);
	}
	tt_buf_free(&b);
	return rc;
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
		return read_secret(file, keys, err);
	if (zmq_curve_keypair(keys->public_key, keys->secret_key))
		return tt_err_set(err, -errno, "drawing a key: %s", zmq_strerror(errno));
	return 0;
}

struct tt_sub *sub_open(const struct args *a, const char *endpoint, const char *const *topics,
	unsigned n, int *status) {
	struct tt_link_keys keys;
	struct tt_err err = {0};
	if (read_keys(a, &keys, &err)) {
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

static int print_stream(struct tt_sub *s, bool with_topic, uint64_t n, int64_t timeout) {
	const char *topic, *json;
	size_t len;
	for (uint64_t i = 0; (!n || i < n) && !interrupted && !ferror(stdout);) {
		int rc = tt_sub_next(s, (int)timeout, &topic, &json, &len);
		if (rc == 1) {
			print_line(with_topic ? topic : NULL, json, len);
			i++;
		} else if (rc == 0 && timeout >= 0) {
			return complain(FAILED, "sub: no message within %lld s",
				(long long)(timeout / 1000));
		} else if (rc < 0 && rc != -EINTR) {
			return complain(FAILED, "sub: %s", strerror(-rc));
		}
	}
	return DONE;
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
