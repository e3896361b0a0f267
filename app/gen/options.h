/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "gen.h"
#include "tt_capture.h"

/// The command line.
struct options {
	const char *scenario, *sensors, *regions, *links;
	const char *truth, *write_sensors, *write_rir;
	const char *port, *eal;
	double rate;
	int64_t splits[512];
	unsigned split_n;
	bool cells;
	uint32_t epoch_s, snaplen;
	enum tt_capture_format format;
	bool format_given, big_endian;
	// over the scenario's where given
	bool has_packets, has_seed, has_sources, has_zipf, has_start, has_span, has_vary, has_six;
	uint64_t packets, seed, sources;
	double zipf, vary, six;
	int64_t start, span_s;
	int64_t cuts[64];
	unsigned cut_n;
	enum attack attack;
	double class_weight[TT_CLASS_N + 1]; // negative: not given
	char *const *outputs;
	unsigned output_n;
};
/// 0, or 1 where help or version was printed, or -errno with a message for a wrong usage.
int options_read(struct options *o, int argc, char **argv, struct tt_err *err);
void options_apply(const struct options *o, struct scenario *s);

// output.c
struct output;
struct output *output_files(const struct options *o, const struct scenario *s,
	const struct targets *t, struct tt_err *err);
int output_write(struct output *out, int64_t ns, const struct packet *p, struct tt_err *err);
int output_finish(struct output **out, struct tt_err *err);

// port.c
struct port;
struct port *port_open(const struct options *o, struct tt_err *err);
int port_send(struct port *p, const struct packet *k);
/// Sends what is left; how many the device took.
uint64_t port_close(struct port **p);
