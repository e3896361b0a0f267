/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "tt_time.h"

struct output {
	const struct options *o;
	const struct scenario *s;
	unsigned at; // of the files
	struct tt_capture_writer *w;
};

static int open_next(struct output *out, struct tt_err *err) {
	const char *path = out->o->outputs[out->at];
	size_t n = strlen(path);
	enum tt_capture_format format = out->o->format;
	if (!out->o->format_given)
		format = n > 7 && strcmp(path + n - 7, ".pcapng") == 0 ? TT_PCAPNG : TT_PCAP_US;
	out->w = tt_capture_create(path, format, out->o->big_endian, out->o->snaplen, err);
	return out->w ? 0 : -errno;
}

struct output *output_files(const struct options *o, const struct scenario *s,
	const struct targets *t, struct tt_err *err) {
	if (o->output_n != s->cut_n + 1) {
		tt_err_set(err, -EINVAL, "%u output files, expected %u: one more than cuts",
			o->output_n, s->cut_n + 1);
		errno = EINVAL;
		return NULL;
	}
	struct output *out = calloc(1, sizeof(*out));
	if (!out)
		return NULL;
	out->o = o;
	out->s = s;
	if (open_next(out, err) < 0) {
		free(out);
		return NULL;
	}
	return out;
}

static int step(struct output *out, struct tt_err *err) {
	int rc = tt_capture_finish(&out->w, err);
	out->at++;
	return rc < 0 ? rc : open_next(out, err);
}

int output_write(struct output *out, int64_t ns, const struct packet *p, struct tt_err *err) {
	while (out->at < out->s->cut_n && ns >= out->s->cuts[out->at] * TT_NS) {
		int rc = step(out, err);
		if (rc < 0)
			return rc;
	}
	struct tt_capture_rec r = {.ns = ns,
		.data = p->buf + p->start,
		.caplen = p->end - p->start,
		.len = p->end - p->start,
		.link = p->link,
		.ifindex = p->ifindex};
	int rc = tt_capture_write(out->w, &r);
	if (rc == -EINVAL)
		return tt_err_set(err, rc, "%s: a pcap has one link type, expected --format pcapng",
			out->o->outputs[out->at]);
	return rc < 0 ? tt_err_set(err, rc, "%s: %s", out->o->outputs[out->at], strerror(-rc)) : 0;
}

int output_finish(struct output **outp, struct tt_err *err) {
	struct output *out = *outp;
	if (!out)
		return 0;
	int rc = 0;
	while (rc == 0 && out->at < out->s->cut_n)
		rc = step(out, err);
	int end = tt_capture_finish(&out->w, err);
	free(out);
	*outp = NULL;
	return rc < 0 ? rc : end;
}
