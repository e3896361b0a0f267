/* SPDX-License-Identifier: BSD-3-Clause */
// The collector as a process of its own, real probes' links, a real database.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "collector.h"
#include "tt_file.h"
#include "tt_link.h"
#include "tt_log.h"
#include "tt_store.h"
#include "tt_wire.h"

#define BOOT  "00000000000000aa"
#define EPOCH 1734490800 // 2024-12-18T03:00:00Z

static char dir[64], db[96], listen_at[96], publish_at[96], log_file[96];
static pid_t pid;
static int out = -1;

static int setup(void **state) {
	snprintf(dir, sizeof(dir), "/tmp/tt-collector-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(db, sizeof(db), "%s/t.db", dir);
	snprintf(listen_at, sizeof(listen_at), "ipc://%s/listen", dir);
	snprintf(publish_at, sizeof(publish_at), "ipc://%s/publish", dir);
	snprintf(log_file, sizeof(log_file), "%s/log", dir);
	return 0;
}

static int teardown(void **state) {
	char command[128];
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void nap(unsigned ms) {
	usleep(ms * 1000);
}

static int main_of_collector(const char **argv) {
	struct options o;
	struct tt_err err;
	int argc = 0;
	while (argv[argc])
		argc++;
	tt_log_to(tt_log_stderr);
	if (options_read(&o, argc, (char **)argv, &err)) {
		tt_log(TT_ERR, "%s", err.msg);
		return 2;
	}
	int status = collector_run(&o);
	options_free(&o);
	return status;
}

// starts one with the usual options and up to two more
static void start(const char *option, const char *value) {
	int fds[2];
	const char *argv[] = {"teiten-collector", "--db", db, "--listen", listen_at, "--publish",
		publish_at, option, value, NULL};
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int log = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fds[1], STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		int status = main_of_collector(argv);
		fflush(stdout);
		_exit(status);
	}
	close(fds[1]);
	out = fds[0];
}

static int reap(void) {
	int status;
	waitpid(pid, &status, 0);
	pid = 0;
	close(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// asks it to end; its last line
static json_t *finish(int expected) {
	char text[1024];
	kill(pid, SIGTERM);
	ssize_t n = read(out, text, sizeof(text));
	assert_int_equal(reap(), expected);
	assert_true(n > 0);
	json_t *line = json_loadb(text, (size_t)n, 0, NULL);
	assert_non_null(line);
	return line;
}

static int64_t number(const json_t *o, const char *key) {
	return json_integer_value(json_object_get(o, key));
}

static bool logged(const char *text) {
	struct tt_buf b = TT_BUF_INIT(1 << 20);
	bool found = !tt_file_read(log_file, &b, NULL) && b.len && strstr((char *)b.data, text);
	tt_buf_free(&b);
	return found;
}

// ---- a probe

static struct tt_link_client *probe(const char *name) {
	struct tt_link_client_conf conf = {
		.endpoint = listen_at, .probe = name, .boot = BOOT, .resend_ms = 300};
	struct tt_err err;
	struct tt_link_client *c = tt_link_client_create(&conf, &err);
	if (!c)
		fail_msg("%s", err.msg);
	return c;
}

static const char *const sensors[] = {"jp-a", "sg-b"}, *const uplinks[] = {"up0"};

// batch `seq` closes an epoch: 100 observations of 1 + 2 + ... + 100 packets, one of each sensor
static void send_epoch(struct tt_link_client *c, const char *name, uint64_t seq) {
	struct tt_batch *b = tt_batch_create();
	struct tt_err err;
	int64_t epoch = EPOCH + 60 * (int64_t)seq;
	const void *msg;
	size_t len;
	assert_int_equal(tt_batch_begin(b, name, BOOT, 60, sensors, 2, uplinks, 1), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct tt_obs o = {.epoch = epoch,
			.family = 4,
			.src = {192, 0, 2, (uint8_t)i},
			.sensor = i % 2,
			.class = TT_SCAN,
			.proto = 6,
			.port = i % 10 == 1 ? 23 : 8728,
			.packets = i + 1,
			.bytes = 60 * (i + 1)};
		assert_int_equal(tt_batch_add_obs(b, &o), 0);
	}
	struct tt_tally t = {
		.epoch = epoch, .link_up = 1, .packets[TT_FATE_OBSERVED] = 5050, .imissed = 5050};
	assert_int_equal(tt_batch_add_tally(b, &t), 0);
	for (uint16_t s = 0; s < 2; s++) {
		struct tt_sensor_state st = {.epoch = epoch,
			.sensor = s,
			.state = TT_STATE_UP,
			.received = 5050,
			.lost = 5050};
		assert_int_equal(tt_batch_add_state(b, &st), 0);
	}
	assert_int_equal(tt_batch_encode(b, seq, &msg, &len), 0);
	if (tt_link_client_send(c, seq, 5050, msg, len, &err))
		fail_msg("%s", err.msg);
	tt_batch_destroy(&b);
}

static void flush(struct tt_link_client *c) {
	struct tt_err err;
	if (tt_link_client_flush(c, 30000, &err))
		fail_msg("%s", err.msg);
}

// what the database answers
static void expect(uint64_t packets, uint64_t sources) {
	struct tt_store_conf conf = {.path = db, .mode = TT_STORE_READ};
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_store *s;
	struct tt_err err;
	q.by = TT_BY_NONE;
	if (tt_store_open(&conf, &s, &err) || tt_store_query(s, &q, &r, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(r.row_n, 1);
	assert_int_equal(r.rows[0].packets, packets);
	assert_int_equal(r.rows[0].sources, sources);
	tt_result_free(&r);
	tt_store_close(&s, NULL);
}

// ---- tests

static void what_probes_send_is_in_the_database(void **state) {
	start(NULL, NULL);
	struct tt_link_client *a = probe("tokyo"), *b = probe("osaka");
	for (uint64_t seq = 1; seq <= 40; seq++) {
		send_epoch(a, "tokyo", seq);
		send_epoch(b, "osaka", seq);
	}
	flush(a);
	flush(b);
	json_t *line = finish(0);
	assert_int_equal(number(line, "batches"), 80);
	assert_int_equal(number(line, "observations"), 8000);
	assert_true(number(line, "last_commit_mono_ns") > 0);
	json_decref(line);
	expect(80 * 5050, 100);
	tt_link_client_destroy(&a);
	tt_link_client_destroy(&b);
}

static void it_leaves_no_socket_behind(void **state) {
	start(NULL, NULL);
	struct tt_link_client *a = probe("tokyo");
	send_epoch(a, "tokyo", 1);
	flush(a);
	assert_int_equal(access(listen_at + 6, F_OK), 0);
	json_decref(finish(0));
	assert_int_not_equal(access(listen_at + 6, F_OK), 0);
	assert_int_not_equal(access(publish_at + 6, F_OK), 0);
	tt_link_client_destroy(&a);
}

static void what_waits_in_the_socket_is_taken_before_the_end(void **state) {
	start(NULL, NULL);
	struct tt_link_client *a = probe("tokyo");
	send_epoch(a, "tokyo", 1);
	flush(a);
	for (uint64_t seq = 2; seq <= 20; seq++)
		send_epoch(a, "tokyo", seq);
	struct tt_link_client_stats st = {0};
	for (unsigned i = 0; i < 3000 && st.sent < 20; i++) {
		nap(10);
		tt_link_client_stats(a, &st);
	}
	assert_int_equal(st.sent, 20); // and nobody waited for their acknowledgement
	json_decref(finish(0));
	expect(20 * 5050, 100);
	tt_link_client_destroy(&a);
}

static void a_batch_that_comes_again_counts_once(void **state) {
	start(NULL, NULL);
	for (unsigned round = 0; round < 3; round++) {
		struct tt_link_client *a = probe("tokyo");
		for (uint64_t seq = 1; seq <= 10; seq++)
			send_epoch(a, "tokyo", seq);
		flush(a);
		tt_link_client_destroy(&a);
	}
	json_t *line = finish(0);
	assert_int_equal(number(line, "batches"), 10);
	json_decref(line);
	expect(10 * 5050, 100);
}

static void killed_again_and_again_it_loses_and_doubles_nothing(void **state) {
	struct tt_link_client *a = probe("tokyo");
	uint64_t seq = 0;
	for (unsigned life = 0; life < 12; life++) {
		start(NULL, NULL);
		for (unsigned i = 0; i < 20; i++)
			send_epoch(a, "tokyo", ++seq);
		nap(5 + life * 13);
		kill(pid, SIGKILL);
		reap();
	}
	start(NULL, NULL);
	send_epoch(a, "tokyo", ++seq);
	flush(a);
	json_decref(finish(0));
	expect(seq * 5050, 100);
	tt_link_client_destroy(&a);
}

static void bad_region_files_leave_the_set_in_force(void **state) {
	char rir[96], file[128];
	struct tt_err err;
	static const char good[] = "2|arin|20241217|1|19700101|20241217|+0000\n"
				   "arin|*|ipv4|*|1|summary\n"
				   "arin|US|ipv4|192.0.2.0|256|20100101|assigned\n";
	snprintf(rir, sizeof(rir), "%s/rir", dir);
	snprintf(file, sizeof(file), "%s/delegated-arin-latest", rir);
	assert_int_equal(mkdir(rir, 0700), 0);
	assert_int_equal(tt_file_write(file, good, strlen(good), 0600, &err), 0);
	start("--rir", rir);
	struct tt_link_client *a = probe("tokyo");
	send_epoch(a, "tokyo", 1);
	flush(a);
	assert_int_equal(tt_file_write(file, "garbage\n", 8, 0600, &err), 0);
	kill(pid, SIGHUP);
	for (unsigned i = 0; i < 3000 && !logged("stays"); i++)
		nap(10);
	assert_true(logged(file));
	send_epoch(a, "tokyo", 2);
	flush(a);
	json_decref(finish(0));
	expect(2 * 5050, 100);
	tt_link_client_destroy(&a);
}

// Files are put there one after the other, as a script would: a second after the last one they are
// read, and what comes from then on is judged by them. What was judged stays.
static void new_files_are_read_by_themselves(void **state) {
	static const char format[] = "2|arin|%s|1|19700101|%s|+0000\narin|*|ipv4|*|1|summary\n"
				     "arin|US|ipv4|192.0.2.0|256|20100101|assigned\n";
	static const char *const dates[] = {"20241101", "20241201"};
	char rir[96], set[128], file[160], text[512];
	struct tt_store_conf conf = {.path = db, .mode = TT_STORE_READ};
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_store *s;
	struct tt_err err;
	struct tt_link_client *a = NULL;
	uint64_t seq = 0;
	snprintf(rir, sizeof(rir), "%s/rir", dir);
	assert_int_equal(mkdir(rir, 0700), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(set, sizeof(set), "%s/%s", rir, dates[i]);
		snprintf(file, sizeof(file), "%s/delegated-arin-latest", set);
		snprintf(text, sizeof(text), format, dates[i], dates[i]);
		assert_int_equal(mkdir(set, 0700), 0);
		assert_int_equal(tt_file_write(file, text, strlen(text), 0600, &err), 0);
		if (i == 0) {
			start("--rir", rir);
			a = probe("tokyo");
		}
		// batches come all the time, and wait for nothing
		for (unsigned k = 0; k < (i ? 3000 : 400) && !(i && logged("read again")); k++) {
			send_epoch(a, "tokyo", ++seq);
			nap(i == 0 ? 1 : 20);
		}
	}
	send_epoch(a, "tokyo", ++seq);
	flush(a);
	assert_true(logged("read again"));
	json_decref(finish(0));
	expect(seq * 5050, 100);
	q.by = TT_BY_REGION;
	if (tt_store_open(&conf, &s, &err) || tt_store_query(s, &q, &r, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(r.rir_date, "2024-11-01,2024-12-01");
	tt_result_free(&r);
	tt_store_close(&s, NULL);
	tt_link_client_destroy(&a);
}

// The message of a topic about the epoch that batch `seq` closes; NULL where nothing comes in time.
static json_t *message_of(void *sub, const char *topic, uint64_t seq, int wait_ms) {
	char head[128], body[65536], start[32];
	zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
	snprintf(start, sizeof(start), "2024-12-18T03:%02u:00Z", (unsigned)seq);
	for (;;) {
		int n = zmq_recv(sub, head, sizeof(head) - 1, 0);
		if (n < 0)
			return NULL;
		head[n] = 0;
		n = zmq_recv(sub, body, sizeof(body), 0);
		json_t *m = strcmp(head, topic) ? NULL : json_loadb(body, (size_t)n, 0, NULL);
		if (m && !strcmp(json_string_value(json_object_get(m, "start")), start))
			return m;
		json_decref(m);
	}
}

static void the_streams_tell_what_was_merged(void **state) {
	int linger = 0;
	uint64_t epoch = 0;
	void *ctx = zmq_ctx_new(), *sub = zmq_socket(ctx, ZMQ_SUB);
	zmq_setsockopt(sub, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	start(NULL, NULL);
	assert_int_equal(zmq_connect(sub, publish_at), 0);
	struct tt_link_client *a = probe("tokyo");
	json_t *m = NULL;
	while (!m && epoch < 50) { // PUB drops what comes before the subscription
		send_epoch(a, "tokyo", ++epoch);
		flush(a);
		m = message_of(sub, "stats.tokyo.jp-a.", epoch, 500);
	}
	assert_non_null(m);
	assert_string_equal(json_string_value(json_object_get(m, "state")), "up");
	assert_true(json_real_value(json_object_get(m, "completeness")) == 0.5);
	const json_t *scan = json_object_get(json_object_get(m, "classes"), "scan");
	assert_int_equal(number(scan, "packets"), 2500); // 1 + 3 + ... + 99
	assert_int_equal(number(scan, "sources"), 50);
	const json_t *port = json_array_get(json_object_get(m, "ports"), 0);
	assert_int_equal(number(port, "port"), 8728);
	int64_t seq = number(m, "seq");
	json_decref(m);
	m = message_of(sub, "health.tokyo.", epoch, 20000);
	assert_non_null(m);
	const json_t *up = json_array_get(json_object_get(m, "uplinks"), 0);
	assert_int_equal(number(up, "imissed"), 5050);
	assert_int_equal(json_array_size(json_object_get(m, "sensors")), 2);
	json_decref(m);
	send_epoch(a, "tokyo", epoch + 1);
	m = message_of(sub, "stats.tokyo.jp-a.", epoch + 1, 20000);
	assert_non_null(m);
	assert_int_equal(number(m, "seq"), seq + 1);
	json_decref(m);
	json_decref(finish(0));
	tt_link_client_destroy(&a);
	zmq_close(sub);
	zmq_ctx_term(ctx);
}

static void what_cannot_work_is_one_line_and_a_status(void **state) {
	static const struct {
		const char *option, *value, *text;
		int status;
	} cases[] = {
		{"--listen", "tcp://0.0.0.0:5490", "CURVE", 2},
		{"--publish", "tcp://*:5491", "CURVE", 2},
		{"--listen", "ipc:///nonexistent/socket", "/nonexistent/socket", 1},
		{"--db", "/nonexistent/t.db", "/nonexistent/t.db", 2},
		{"--rir", "/nonexistent", "/nonexistent", 2},
		{"--timezone", "Mars/Olympus", "Mars/Olympus", 2},
		{"--colour", NULL, "--help", 2},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_buf log = TT_BUF_INIT(1 << 16);
		unlink(log_file);
		start(cases[i].option, cases[i].value);
		assert_int_equal(reap(), cases[i].status);
		assert_int_equal(tt_file_read(log_file, &log, NULL), 0);
		assert_true(log.len > 0);
		assert_non_null(strstr((char *)log.data, cases[i].text));
		assert_ptr_equal(strchr((char *)log.data, '\n'), log.data + log.len - 1);
		tt_buf_free(&log);
	}
}

static void a_second_collector_takes_nothing_from_the_first(void **state) {
	start(NULL, NULL);
	struct tt_link_client *a = probe("tokyo");
	send_epoch(a, "tokyo", 1);
	flush(a);
	pid_t first = pid;
	int first_out = out;
	char other[96];
	snprintf(other, sizeof(other), "%s/other.db", dir);
	start("--db", other); // the same endpoints
	assert_int_equal(reap(), 1);
	assert_true(logged("another process listens there"));
	pid = first;
	out = first_out;
	send_epoch(a, "tokyo", 2);
	flush(a);
	json_decref(finish(0));
	expect(2 * 5050, 100);
	tt_link_client_destroy(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(what_probes_send_is_in_the_database),
		TEST(it_leaves_no_socket_behind),
		TEST(what_waits_in_the_socket_is_taken_before_the_end),
		TEST(a_batch_that_comes_again_counts_once),
		TEST(killed_again_and_again_it_loses_and_doubles_nothing),
		TEST(bad_region_files_leave_the_set_in_force),
		TEST(new_files_are_read_by_themselves),
		TEST(the_streams_tell_what_was_merged),
		TEST(what_cannot_work_is_one_line_and_a_status),
		TEST(a_second_collector_takes_nothing_from_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
