/* SPDX-License-Identifier: BSD-3-Clause */
// docs/subscriber.py runs, docs/streams.md names everything that is published.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "tt_file.h"
#include "tt_link.h"
#include "tt_messages.h"

static char *doc_path(const char *name, char path[4096]) {
	snprintf(path, 4096, "%s/../../docs/%s", getenv("TT_SOURCE_DIR"), name);
	return path;
}

static void the_subscriber_of_the_documents_prints_messages(void **state) {
	char dir[] = "/tmp/tt-stream-XXXXXX", endpoint[64], path[4096], line[256] = "";
	int fds[2];
	struct tt_err err;
	void *ctx = zmq_ctx_new();
	assert_non_null(mkdtemp(dir));
	snprintf(endpoint, sizeof(endpoint), "ipc://%s/pub", dir);
	const struct tt_pub_conf conf = {.endpoint = endpoint, .hwm = 100};
	struct tt_pub *pub = tt_pub_create(ctx, &conf, &err);
	assert_non_null(pub);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/usr/bin/python3", "python3", doc_path("subscriber.py", path), endpoint,
			"stats.tokyo.", NULL);
		_exit(127);
	}
	// published again and again: PUB drops what nobody has subscribed to yet
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	for (unsigned i = 0; i < 1000 && poll(&p, 1, 20) == 0; i++) {
		tt_pub_send(pub, "stats.tokyo2.a.", "{\"no\":1}", 8);
		tt_pub_send(pub, "stats.tokyo.a.", "{\"yes\":1}", 9);
	}
	// a whole line: an unbuffered Python writes it in pieces
	for (size_t n = 0; n < sizeof(line) - 1 && !strchr(line, '\n'); n++)
		if (read(fds[0], line + n, 1) != 1)
			break;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	assert_int_equal(strncmp(line, "stats.tokyo.a. {\"yes\":1}\n", 25), 0);
	close(fds[0]);
	close(fds[1]);
	tt_pub_destroy(&pub);
	zmq_ctx_term(ctx);
	snprintf(path, sizeof(path), "%s/pub", dir);
	unlink(path);
	rmdir(dir);
}

static void named(const json_t *v, const char *section) {
	const char *key;
	const json_t *x;
	size_t i;
	char quoted[64];
	if (json_is_array(v)) {
		json_array_foreach(v, i, x) named(x, section);
		return;
	}
	json_object_foreach((json_t *)v, key, x) {
		bool class = tt_class_parse(key) >= 0;
		snprintf(quoted, sizeof(quoted), "`%s`", key);
		const char *at = strstr(section, quoted), *end = strstr(section + 1, "\n## ");
		if (!class && (!at || (end && at > end)))
			fail_msg("docs/streams.md: %.12s: does not name %s", section + 1, quoted);
		named(x, section);
	}
}

static void names_all(const char *doc, const char *heading, struct tt_buf *message) {
	const char *section = strstr(doc, heading);
	json_t *j = json_loadb((char *)message->data, message->len, 0, NULL);
	assert_non_null(section);
	assert_non_null(j);
	named(j, section);
	json_decref(j);
	tt_buf_reset(message);
}

static void the_document_names_every_field(void **state) {
	struct tt_buf doc = TT_BUF_INIT(1 << 16), b = TT_BUF_INIT(1 << 16);
	char path[4096];
	struct tt_message_head h = {"tokyo", "00", "a", 1, 0, 60};
	struct tt_message_head of_probe = {"tokyo", "00", NULL, 1, 0, 60};
	const uint64_t counts[TT_OBSERVED_CLASS_N] = {1};
	struct tt_obs o = {.family = 4, .proto = 6, .port = 23, .packets = 1, .bytes = 60};
	struct tt_fold *fold = tt_fold_create(1, 100);
	const char *const uplinks[] = {"up0"};
	struct tt_tally tally = {0};
	struct tt_health_worker worker = {0};
	struct tt_health_queue queue = {0};
	struct tt_health_queues queues = {&queue, 1, true};
	struct tt_health_sensor sensor = {"a", TT_STATE_UP, 0};
	struct tt_health x = {.config = "00",
		.uplink_ids = uplinks,
		.uplinks = &tally,
		.queues = &queues,
		.uplink_n = 1,
		.workers = &worker,
		.worker_n = 1,
		.sensors = &sensor,
		.sensor_n = 1};
	assert_int_equal(tt_file_read(doc_path("streams.md", path), &doc, NULL), 0);
	const char *text = (const char *)doc.data;
	tt_fold_add(fold, &o, "US");
	tt_message_stats(&b, &h, TT_STATE_UP, 1, "", fold, 0);
	names_all(text, "\n## stats", &b);
	tt_message_live(&b, &h, counts, counts);
	names_all(text, "\n## live", &b);
	tt_message_health(&b, &of_probe, &x);
	names_all(text, "\n## health", &b);
	const struct tt_merged merged = {.lag_s = 1.5};
	tt_message_merged_health(&b, &of_probe, &x, &merged);
	names_all(text, "\n## health", &b);
	tt_fold_destroy(&fold);
	tt_buf_free(&b);
	tt_buf_free(&doc);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_subscriber_of_the_documents_prints_messages),
		cmocka_unit_test(the_document_names_every_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
