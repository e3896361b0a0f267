/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay.h"
#include "tt_buf.h"
#include "tt_time.h"

#define PROBE	  0
#define COLLECTOR 1

struct child {
	const char *name;
	pid_t pid; // 0: not started or reaped
	int status;
	int out;	    // its stdout, -1: closed
	struct tt_buf tail; // the line that is being read, then the last whole one
	char *last;
	int64_t kill_at; // monotonic ns after which SIGKILL, 0: none
};

struct run {
	struct child child[2];
	const char *dir;   // for temporary files
	char endpoint[96]; // in dir
	int signals;	   // signalfd
	int interrupted;
	bool told; // the collector was told to end
	const char *died;
};

// ---- starting

struct argv {
	const char **v;
	unsigned n;
};

static void push(struct argv *v, const char *option, const char *value) {
	if (!value)
		return;
	if (option)
		v->v[v->n++] = option;
	v->v[v->n++] = value;
}

static void in_child(
	const struct run *r, const char *path, const char **argv, int out, pid_t parent) {
	sigset_t none;
	sigemptyset(&none);
	// it has a process group of its own, which a terminal set to `tostop` would stop
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	int null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	setenv("TMPDIR", r->dir, 1);
	execvp(path, (char *const *)argv);
	dprintf(STDERR_FILENO, "teiten: replay: %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int start(const struct run *r, struct child *c, const char **argv, struct tt_err *err) {
	char path[PATH_MAX];
	int fds[2];
	pid_t parent = getpid();
	const char *program = find_program(c->name, path, sizeof(path));
	argv[0] = c->name;
	if (pipe2(fds, O_CLOEXEC))
		return tt_err_set(err, -errno, "%s: %s", c->name, strerror(errno));
	c->pid = fork();
	if (!c->pid)
		in_child(r, program, argv, fds[1], parent);
	int rc = c->pid < 0 ? -errno : 0;
	close(fds[1]);
	c->out = fds[0];
	if (rc) {
		c->pid = 0;
		return tt_err_set(err, rc, "starting %s: %s", c->name, strerror(-rc));
	}
	return 0;
}

static int start_collector(struct run *r, const struct args *a, struct tt_err *err) {
	const char *argv[24] = {NULL};
	struct argv v = {argv, 1};
	push(&v, NULL, "--replay");
	push(&v, "--db", arg(a, "db"));
	push(&v, "--listen", r->endpoint);
	push(&v, "--timezone", arg(a, "timezone"));
	push(&v, "--rir", arg(a, "rir"));
	push(&v, "--asn", arg(a, "asn"));
	push(&v, "--scanners", arg(a, "scanners"));
	return start(r, &r->child[COLLECTOR], argv, err);
}

static int start_probe(struct run *r, const struct args *a, const struct capture *c, unsigned n,
	struct tt_err *err) {
	size_t len = 0;
	for (unsigned i = 0; i < n; i++)
		len += strlen(c[i].path) + sizeof(c[i].boot) + 1;
	const char **argv = calloc(n + 12, sizeof(*argv));
	char *text = malloc(len + 1), *p = text;
	int rc = argv && text ? 0 : -ENOMEM;
	struct argv v = {argv, 1};
	if (rc) {
		tt_err_set(err, rc, "%s", strerror(-rc));
		goto out;
	}
	push(&v, "-c", arg(a, "config"));
	push(&v, "-s", arg(a, "sensors"));
	push(&v, "--rir", arg(a, "rir"));
	push(&v, "--connect", r->endpoint);
	push(&v, NULL, "--replay");
	for (unsigned i = 0; i < n; i++) {
		if (c[i].skipped)
			continue;
		push(&v, NULL, p);
		p += snprintf(p, len + 1 - (size_t)(p - text), "%s=%s", c[i].boot, c[i].path) + 1;
	}
	rc = start(r, &r->child[PROBE], argv, err);
out:
	free(text);
	free(argv);
	return rc;
}

// ---- watching

// Keeps the last whole line of what a program prints.
static void read_output(struct child *c) {
	char buf[4096];
	ssize_t n = read(c->out, buf, sizeof(buf));
	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(c->out);
		c->out = -1;
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n') {
			tt_buf_append(&c->tail, &buf[i], 1);
			continue;
		}
		if (c->tail.len && !c->tail.rc) {
			free(c->last);
			c->last = strdup((char *)c->tail.data);
		}
		tt_buf_reset(&c->tail);
	}
}

static void end(struct child *c, int sig, int64_t grace_s) {
	if (!c->pid)
		return;
	kill(c->pid, sig);
	if (grace_s)
		c->kill_at = tt_mono_ns() + grace_s * TT_NS;
}

static bool well(const struct child *c) {
	return WIFEXITED(c->status) && WEXITSTATUS(c->status) <= 1;
}

// The probe is done with it: it has said its last, or has ended.
static void tell_collector(struct run *r) {
	if (!r->told)
		end(&r->child[COLLECTOR], SIGTERM, 0);
	r->told = true;
}

static void on_exit_of(struct run *r, struct child *c) {
	struct child *probe = &r->child[PROBE], *collector = &r->child[COLLECTOR];
	if (c == collector && !r->told) {
		// nobody takes what the probe has
		r->died = c->name;
		end(probe, SIGTERM, 3);
	} else if (c == probe) {
		if (!well(c) && !r->interrupted && !r->died)
			r->died = c->name;
		tell_collector(r);
	}
}

static void reap(struct run *r) {
	for (unsigned i = 0; i < 2; i++) {
		struct child *c = &r->child[i];
		if (!c->pid || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
			continue;
		c->pid = 0;
		on_exit_of(r, c);
	}
}

static void interrupt(struct run *r, int sig) {
	if (r->interrupted) { // asked twice: at once
		end(&r->child[PROBE], SIGKILL, 0);
		end(&r->child[COLLECTOR], SIGKILL, 0);
		return;
	}
	r->interrupted = sig;
	end(&r->child[PROBE], SIGTERM, 10);
	if (!r->child[PROBE].pid)
		end(&r->child[COLLECTOR], SIGTERM, 0);
}

static void read_signals(struct run *r) {
	struct signalfd_siginfo si;
	while (read(r->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(r);
		else
			interrupt(r, (int)si.ssi_signo);
	}
}

static int kill_late(struct run *r) {
	int wait = -1;
	int64_t now = tt_mono_ns();
	for (unsigned i = 0; i < 2; i++) {
		struct child *c = &r->child[i];
		if (!c->pid || !c->kill_at)
			continue;
		if (now >= c->kill_at) {
			kill(c->pid, SIGKILL);
			c->kill_at = 0;
			continue;
		}
		int ms = (int)((c->kill_at - now) / 1000000) + 1;
		wait = wait < 0 || ms < wait ? ms : wait;
	}
	return wait;
}

static void watch(struct run *r) {
	while (r->child[PROBE].pid || r->child[COLLECTOR].pid) {
		struct pollfd p[3] = {{r->signals, POLLIN, 0}, {r->child[PROBE].out, POLLIN, 0},
			{r->child[COLLECTOR].out, POLLIN, 0}};
		if (poll(p, 3, kill_late(r)) < 0 && errno != EINTR)
			break;
		for (unsigned i = 0; i < 2; i++)
			if (p[i + 1].revents)
				read_output(&r->child[i]);
		if (r->child[PROBE].out < 0)
			tell_collector(r);
		read_signals(r);
	}
	for (unsigned i = 0; i < 2; i++)
		while (r->child[i].out >= 0)
			read_output(&r->child[i]);
}

// Until the collector listens: what is wrong with its files is then told alone, before any probe
// starts. False where it will not.
static bool collector_listens(struct run *r) {
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/" REPLAY_SOCKET, r->dir);
	while (r->child[COLLECTOR].pid && !r->interrupted) {
		if (!access(path, F_OK))
			return true;
		struct pollfd p = {r->signals, POLLIN, 0};
		poll(&p, 1, 5);
		read_signals(r);
	}
	return false;
}

// For good: one that comes when both have ended changes nothing of what is left to tell and to
// remove.
static int hear_signals(struct run *r) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -errno : 0;
}

int replay_run(const struct args *a, const struct capture *c, unsigned n, const char *dir,
	struct replay_result *out, struct tt_err *err) {
	struct run r = {
		.child = {{.name = "teiten-probe", .out = -1, .tail = TT_BUF_INIT(1u << 20)},
			{.name = "teiten-collector", .out = -1, .tail = TT_BUF_INIT(1u << 20)}}};
	memset(out, 0, sizeof(*out));
	r.dir = dir;
	snprintf(r.endpoint, sizeof(r.endpoint), "ipc://%s/" REPLAY_SOCKET, dir);
	int rc = hear_signals(&r);
	if (rc) {
		tt_err_set(err, rc, "signals: %s", strerror(-rc));
		goto out;
	}
	rc = start_collector(&r, a, err);
	if (!rc && collector_listens(&r))
		rc = start_probe(&r, a, c, n, err);
	if (rc) {
		r.told = true;
		end(&r.child[COLLECTOR], SIGTERM, 5);
	}
	watch(&r);
	close(r.signals);
out:
	out->probe = r.child[PROBE].last;
	out->collector = r.child[COLLECTOR].last;
	out->probe_status = r.child[PROBE].status;
	out->collector_status = r.child[COLLECTOR].status;
	out->signal = r.interrupted;
	out->died = r.died;
	for (unsigned i = 0; i < 2; i++)
		tt_buf_free(&r.child[i].tail);
	return rc;
}

void replay_result_free(struct replay_result *r) {
	free(r->probe);
	free(r->collector);
	r->probe = r->collector = NULL;
}
