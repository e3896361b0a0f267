/* SPDX-License-Identifier: BSD-3-Clause */
// Charts, drawn by gnuplot's svg terminal. gnuplot sees numbers and tokens only: what people or
// files named is put in place of the tokens afterwards, escaped, so that no name is ever read as a
// command.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "page.h"
#include "tt_file.h"

#define SVG_MAX	   (32u << 20)
#define SCRIPT_MAX (64u << 20)
#define TOKEN_LEN  80
#define TICKS	   6

// Okabe and Ito's colours, told apart by most people who are colour-blind, with dashes and points
// for prints without colour.
static const struct {
	const char *colour;
	unsigned dash, point;
} styles[] = {{"#0072B2", 1, 7}, {"#D55E00", 2, 5}, {"#009E73", 4, 9}, {"#AA4499", 5, 11},
	{"#555555", 3, 13}, {"#E69F00", 1, 6}, {"#56B4E9", 2, 4}, {"#000000", 4, 8}};
#define STYLE_N (sizeof(styles) / sizeof(*styles))

// Columns that a text takes: East Asian characters take two.
static unsigned text_width(const char *text) {
	unsigned n = 0;
	for (const unsigned char *t = (const unsigned char *)text; *t; t++)
		n += *t < 0x80 ? 1 : *t >= 0xe0 ? 2 : *t >= 0xc0 ? 1 : 0;
	return n;
}

// A word that stands for a text and is about as wide.
static const char *token(unsigned number, const char *text, char buf[TOKEN_LEN]) {
	unsigned width = text_width(text), n;
	n = (unsigned)snprintf(buf, TOKEN_LEN, "Tok%02uq", number % 100);
	if (width > TOKEN_LEN - 2)
		width = TOKEN_LEN - 2;
	while (n < width)
		buf[n++] = 'x';
	buf[n++] = 'q';
	buf[n] = '\0';
	return buf;
}

static double nice_step(double max) {
	double raw = max / (TICKS - 1), unit = pow(10, floor(log10(raw)));
	double part = raw / unit;
	double step = (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * unit;
	return step < 1 ? 1 : step;
}

static double y_range(const struct chart *c, struct tt_buf *b) {
	double max = 0, step, top;
	char text[TT_SHOW_LEN];
	for (unsigned l = 0; l < c->line_n; l++)
		for (unsigned i = 0; i < c->n; i++)
			if (c->lines[l].values[i] > max)
				max = c->lines[l].values[i];
	step = max > 0 ? nice_step(max) : 1;
	top = step * ceil(max > 0 ? max / step : 1);
	tt_buf_printf(b, "set yrange [0:%.0f]\nset ytics scale 0 (", top);
	for (double y = 0; y <= top; y += step)
		tt_buf_printf(
			b, "%s\"%s\" %.0f", y > 0 ? ", " : "", tt_show_count((uint64_t)y, text), y);
	tt_buf_printf(b, ")\n");
	return top;
}

// A tick where a day, week or month begins, as many as have room.
static void x_range(const struct chart *c, struct tt_buf *b) {
	static const unsigned steps[] = {1, 2, 7, 14};
	int64_t first = c->days[0], last = c->days[c->n - 1], day = first;
	unsigned step = 0, months = 1, n = 0;
	int y, m, d;
	char text[16];
	while (step < 4 && (last - first) / steps[step] > 14)
		step++;
	while ((last - first) / 30 / months > 14)
		months += months == 1 ? 2 : months == 3 ? 3 : 6;
	tt_buf_printf(b, "set xrange [%lld-0.6:%lld+0.6]\nset xtics out scale 0.6 nomirror (",
		(long long)first, (long long)last);
	if (step == 4 && tt_month_start(day) != day)
		day = tt_month_next(day);
	while (day <= last) {
		tt_civil_from_days(day, &y, &m, &d);
		if (step == 4)
			tt_buf_printf(
				b, "%s\"%d/%02d\" %lld", n++ ? ", " : "", y, m, (long long)day);
		else
			tt_buf_printf(b, "%s\"%s\" %lld", n++ ? ", " : "",
				day_short(c->lang, m, d, text), (long long)day);
		if (step < 4)
			day += steps[step];
		for (unsigned i = 0; step == 4 && i < months; i++)
			day = tt_month_next(day);
	}
	tt_buf_printf(b, ")\n");
}

static bool is_incomplete(const struct chart *c, unsigned i) {
	return c->completeness[i] < INCOMPLETE;
}

static bool any_incomplete(const struct chart *c) {
	for (unsigned i = 0; i < c->n; i++)
		if (is_incomplete(c, i))
			return true;
	return false;
}

static void write_data(const struct chart *c, double top, struct tt_buf *b) {
	tt_buf_printf(b, "$D << EOD\n");
	for (unsigned i = 0; i < c->n; i++) {
		tt_buf_printf(b, "%lld ", (long long)c->days[i]);
		if (is_incomplete(c, i))
			tt_buf_printf(b, "%.0f", top);
		else
			tt_buf_printf(b, "NaN");
		for (unsigned l = 0; l < c->line_n; l++) {
			double v = c->lines[l].values[i];
			if (isfinite(v))
				tt_buf_printf(b, " %.0f", v);
			else
				tt_buf_printf(b, " NaN");
		}
		tt_buf_printf(b, "\n");
	}
	tt_buf_printf(b, "EOD\n");
}

#define TOKEN_Y	    0
#define TOKEN_SHADE 1
#define TOKEN_LINE  2

static void write_chart(const struct chart *c, struct tt_buf *b) {
	char t[TOKEN_LEN];
	bool shade = any_incomplete(c);
	tt_buf_printf(b,
		"reset\nset encoding utf8\n"
		"set terminal svg size 900,430 font \"sans-serif,14\" rounded noenhanced name "
		"\"%s\"\nset output \"%s.svg\"\n"
		"set border 3 lc rgb \"#666666\"\nset grid ytics lt 1 lc rgb \"#dddddd\" lw 1\n"
		"set key outside bottom center horizontal Left reverse samplen 2.5 spacing 1.35\n"
		"set boxwidth 1\nset style fill solid 1.0 noborder\nset ylabel \"%s\"\n",
		c->id, c->id, token(TOKEN_Y, c->y, t));
	double top = y_range(c, b);
	x_range(c, b);
	write_data(c, top, b);
	tt_buf_printf(b, "plot ");
	if (shade)
		tt_buf_printf(b, "$D using 1:2 with boxes lc rgb \"#e8e8e8\" title \"%s\"",
			token(TOKEN_SHADE, c->shade, t));
	for (unsigned l = 0; l < c->line_n; l++)
		tt_buf_printf(b,
			"%s$D using 1:%u with linespoints lw 2 dt %u pt %u ps 0.45 lc rgb \"%s\" "
			"title \"%s\"",
			shade || l ? ", \\\n " : "", l + 3, styles[l % STYLE_N].dash,
			styles[l % STYLE_N].point, styles[l % STYLE_N].colour,
			token(TOKEN_LINE + l, c->lines[l].label, t));
	tt_buf_printf(b, "\nunset output\n");
}

// ---- running it

extern char **environ;

static int first_line(const char *dir, const char *name, char *out, size_t size) {
	struct tt_buf b = TT_BUF_INIT(1u << 20);
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int rc = tt_file_read(path, &b, NULL);
	const char *text = rc || !b.len ? "" : (const char *)b.data;
	text += strspn(text, " \n\t");
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	tt_buf_free(&b);
	return rc;
}

static int run_gnuplot(const char *dir, struct tt_err *err) {
	char *const argv[] = {(char *)"gnuplot", (char *)"-d", (char *)"script.gp", NULL};
	posix_spawn_file_actions_t fa;
	char line[200];
	pid_t pid;
	int status = 0;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, dir);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 2, "errors", O_WRONLY | O_CREAT, 0600);
	int rc = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc == ENOENT)
		return tt_err_set(err, -ENOENT,
			"gnuplot: not found, expected in PATH: figures are drawn by it (Debian's "
			"gnuplot-nox)");
	if (rc)
		return tt_err_set(err, -rc, "gnuplot: %s", strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return tt_err_set(err, -errno, "gnuplot: %s", strerror(errno));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	first_line(dir, "errors", line, sizeof(line));
	return tt_err_set(err, -EIO, "gnuplot: failed (%s), expected the figures", line);
}

// ---- what it wrote, made ours

struct swap {
	const char *from;
	const char *to; // NULL: as it is, with the chart's id before it
	bool raw;	// `to` is markup
	char token[TOKEN_LEN];
};
#define SWAPS 40

static const struct swap *find_swap(const struct swap *s, unsigned n, const char *at) {
	for (unsigned i = 0; i < n; i++)
		if (!strncmp(at, s[i].from, strlen(s[i].from)))
			return &s[i];
	return NULL;
}

// Removes what names plots by number, puts names in place of tokens, and makes ids the page's own.
static void rewrite(const struct chart *c, const char *svg, struct tt_buf *out) {
	struct swap s[SWAPS];
	unsigned n = 0;
	char title[96], plot[96], gp[2][96], use[96], canvas[96], box[2][96];
	snprintf(title, sizeof(title), "<title>%s</title>", c->id);
	snprintf(plot, sizeof(plot), "<title>%s_plot_", c->id);
	snprintf(gp[0], sizeof(gp[0]), "id='%s-gp", c->id);
	snprintf(use, sizeof(use), "'#%s-gp", c->id);
	snprintf(canvas, sizeof(canvas), "id=\"%s-canvas\"", c->id);
	snprintf(box[0], sizeof(box[0]), "id='%s-textbox'", c->id);
	snprintf(box[1], sizeof(box[1]), "id='%s-greybox'", c->id);
	s[n++] = (struct swap){"id='gp", gp[0], true, ""};
	s[n++] = (struct swap){"'#gp", use, true, ""};
	s[n++] = (struct swap){"id=\"gnuplot_canvas\"", canvas, true, ""};
	s[n++] = (struct swap){"id='textbox'", box[0], true, ""};
	s[n++] = (struct swap){"id='greybox'", box[1], true, ""};
	s[n++] = (struct swap){"font-family=\"sans-serif\"",
		"font-family=\"Noto Sans, Noto Sans CJK JP, IPAexGothic, IPAGothic, sans-serif\"",
		true, ""};
	struct swap words[TOKEN_LINE + CHART_LINES];
	unsigned word_n = TOKEN_LINE + c->line_n;
	for (unsigned i = 0; i < word_n; i++) {
		const char *text = i == TOKEN_Y	      ? c->y
				   : i == TOKEN_SHADE ? c->shade
						      : c->lines[i - TOKEN_LINE].label;
		words[i].to = text;
		words[i].raw = false;
		words[i].from = token(i, text, words[i].token);
	}
	const char *at = strstr(svg, "<svg");
	if (at) { // one picture with a title for who listens to the page
		tt_buf_printf(out, "<svg role=\"img\"");
		at += strlen("<svg");
	}
	while (at && *at) {
		const struct swap *w = find_swap(s, n, at);
		if (!w && !strncmp(at, "Tok", 3))
			w = find_swap(words, word_n, at);
		if (w) {
			w->raw ? (void)tt_buf_append(out, w->to, strlen(w->to))
			       : html_text(out, w->to);
			at += strlen(w->from);
		} else if (!strncmp(at, title, strlen(title))) {
			html_printf(out, "<title>%s</title>", c->title);
			at += strlen(title);
		} else if (!strncmp(at, plot, strlen(plot)) || !strncmp(at, "<desc>", 6)) {
			at = strstr(at, *(at + 1) == 't' ? "</title>" : "</desc>");
			at = at ? strchr(at, '>') + 1 : NULL;
		} else {
			tt_buf_append(out, at++, 1);
		}
	}
}

static int take_svg(
	const char *dir, const struct chart *c, struct tt_buf *out, struct tt_err *err) {
	struct tt_buf svg = TT_BUF_INIT(SVG_MAX);
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s.svg", dir, c->id);
	int rc = tt_file_read(path, &svg, err);
	if (!rc && (!svg.len || !strstr((const char *)svg.data, "</svg>")))
		rc = tt_err_set(err, -EIO, "gnuplot: wrote no %s, expected one", c->id);
	if (!rc)
		rewrite(c, (const char *)svg.data, out);
	if (!rc && out->rc)
		rc = tt_err_set(err, out->rc, "%s: %s", c->id, strerror(-out->rc));
	tt_buf_free(&svg);
	return rc;
}

static void clean(const char *dir, const struct chart *charts, unsigned n) {
	char path[PATH_MAX + 64];
	for (unsigned i = 0; i < n + 2; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir,
			i < n	 ? charts[i].id
			: i == n ? "script.gp"
				 : "errors",
			i < n ? ".svg" : "");
		unlink(path);
	}
	rmdir(dir);
}

int chart_draw(const struct chart *charts, unsigned n, struct tt_buf *out, struct tt_err *err) {
	struct tt_buf script = TT_BUF_INIT(SCRIPT_MAX);
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX], path[PATH_MAX + 64];
	int rc = 0;
	if (!n)
		return 0;
	snprintf(dir, sizeof(dir), "%s/teiten-report-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return tt_err_set(err, -errno, "%s: %s", dir, strerror(errno));
	for (unsigned i = 0; i < n; i++)
		write_chart(&charts[i], &script);
	snprintf(path, sizeof(path), "%s/script.gp", dir);
	rc = script.rc ? tt_err_set(err, script.rc, "figures: %s", strerror(-script.rc))
		       : tt_file_write(path, script.data, script.len, 0600, err);
	if (!rc)
		rc = run_gnuplot(dir, err);
	for (unsigned i = 0; !rc && i < n; i++)
		rc = take_svg(dir, &charts[i], &out[i], err);
	clean(dir, charts, n);
	tt_buf_free(&script);
	return rc;
}
