/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "feed.h"
#include "tt_file.h"

#define FILE_MAX (1u << 30) // bytes of one file

// What a source of a watch is told to be, and how sure that is: packets were observed, nobody was
// asked. A single SYN or UDP packet may carry a forged source; a verified answer cannot well.
const struct feed_class feed_classes[FEED_KIND_N] = {
	[FEED_SCANNER] = {"information-gathering", "scanner",
		{"The address sent unsolicited packets to sensors that receive packets nobody "
		 "asked "
		 "for.",
			"本アドレスから、応答する機器のない観測用センサー宛てにパケットが届きました"
			"。"},
		80, 80},
	[FEED_INFECTED] = {"malicious-code", "infected-system",
		{"The address sent TCP SYN packets whose sequence number is the destination "
		 "address, "
		 "as malware of the Mirai family does.",
			"本アドレスから、シーケンス番号が宛先アドレスに等しいTCP "
			"SYNパケット（Mirai系マルウェアの特徴）が届きました。"},
		95, 95},
	[FEED_REFLECTOR] = {"vulnerable", "ddos-amplifier",
		{"The address sent answers to requests that somebody made in a sensor's name: it "
		 "probably answers anybody, and could be used to amplify attacks. Observed, not "
		 "tested.",
			"本アドレスから、センサーのアドレスを詐称した要求への応答が届きました。第三"
			"者からの要求に応答し、攻撃の踏み台となる可能性があります（観測に基づくもの"
			"で、確認試験は行っていません）。"},
		90, 50},
	[FEED_VICTIM] = {"availability", "ddos",
		{"The address answered packets with forged sources: it is probably under attack.",
			"本アドレスから、送信元を詐称したパケットへの応答が届きました。攻撃を受けて"
			"いる"
			"可能性があります。"},
		80, 80},
	[FEED_OTHER] = {"other", "other",
		{"The address sent packets to sensors that receive packets nobody asked for.",
			"本アドレスから、観測用センサー宛てにパケットが届きました。"},
		50, 50},
};

static bool has(const json_t *list, const char *word) {
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one) {
		if (json_is_string(one) && !strcmp(json_string_value(one), word))
			return true;
	}
	return false;
}

// A watch over one class says what its sources are; one over several says less.
static enum feed_kind kind_of(const json_t *where) {
	const json_t *class = json_object_get(where, "class"),
		     *tool = json_object_get(where, "tool");
	if (json_array_size(class) != 1)
		return FEED_OTHER;
	if (has(class, "reflection"))
		return FEED_REFLECTOR;
	if (has(class, "backscatter"))
		return FEED_VICTIM;
	if (!has(class, "scan"))
		return FEED_OTHER;
	return json_array_size(tool) == 1 && has(tool, "mirai") ? FEED_INFECTED : FEED_SCANNER;
}

// The service port is the source's where packets are answers.
static bool answers(const struct feed *f) {
	return f->kind == FEED_REFLECTOR || f->kind == FEED_VICTIM;
}

static bool has_ports(const struct tt_watch_source *s) {
	return s->proto == 6 || s->proto == 17;
}

int feed_source_port(const struct feed *f, const struct tt_watch_source *s) {
	if (!has_ports(s) || f->kind == FEED_OTHER)
		return -1;
	return answers(f) ? s->port : s->has_other_port ? s->other_port : -1;
}

int feed_destination_port(const struct feed *f, const struct tt_watch_source *s) {
	if (!has_ports(s) || f->kind == FEED_OTHER)
		return -1;
	return !answers(f) ? s->port : s->has_other_port ? s->other_port : -1;
}

const char *feed_application(const struct feed *f, const struct tt_watch_source *s) {
	static const struct {
		uint16_t port;
		const char *name;
	} known[] = {{53, "dns"}, {5353, "mdns"}, {123, "ntp"}, {1900, "ssdp"}, {161, "snmp"},
		{389, "ldap"}, {11211, "memcached"}, {19, "chargen"}, {111, "portmapper"},
		{137, "netbios-nameservice"}, {3702, "ws-discovery"}, {5683, "coap"}};
	for (size_t i = 0; f->kind == FEED_REFLECTOR && i < sizeof(known) / sizeof(*known); i++)
		if (s->proto == 17 && known[i].port == s->port &&
			!(s->traits & TT_TRAIT_UNVERIFIED))
			return known[i].name;
	return NULL;
}

struct gather {
	const struct feed *f;
	const struct told *told;
	struct feed_row *rows;
	size_t n, cap;
	uint64_t cooling;
	int64_t day;
};

static int take(void *arg, const struct tt_watch_source *s) {
	struct gather *g = arg;
	if (told_cools(g->told, &s->source, g->day, g->f->cooldown)) {
		g->cooling++;
		return 0;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		struct feed_row *p = realloc(g->rows, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		g->rows = p;
		g->cap = cap;
	}
	struct tt_watch_source *own = &g->rows[g->n].s;
	*own = *s;
	if (!own->asn) // observed without a file of AS
		own->asn = tt_asn_of(g->f->conf->asn, s->source.family, s->source.b);
	g->rows[g->n++].contact = contacts_of(&g->f->contacts, own);
	return 0;
}

static int by_group(const void *x, const void *y) {
	const struct feed_row *a = x, *b = y;
	int c = strcmp(a->contact->name, b->contact->name);
	if (!c)
		c = (a->s.asn > b->s.asn) - (a->s.asn < b->s.asn);
	return c ? c : tt_addr_cmp(&a->s.source, &b->s.source);
}

static int write_file(const struct feed *f, const char *base, const char *ext,
	const struct tt_buf *b, struct tt_err *err) {
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s.%s", f->conf->dir, base, ext) >= (int)sizeof(path))
		return tt_err_set(err, -ENAMETOOLONG, "%s: the path is too long", f->conf->dir);
	if (b->rc)
		return tt_err_set(err, b->rc, "%s: %s", path, strerror(-b->rc));
	return tt_file_write(path, b->data, b->len, 0600, err);
}

// The rows of one AS and contact: their file, and a letter where there is somebody to write to.
static int write_group(
	const struct feed *f, const struct feed_row *rows, size_t n, struct tt_err *err) {
	bool csv = f->conf->format == TT_FEED_SHADOWSERVER;
	const char *contact = rows[0].contact->name, *ext = csv ? "csv" : "jsonl";
	char base[256], file[264];
	struct tt_buf b = TT_BUF_INIT(FILE_MAX);
	if (csv) // YYYY-MM-DD-<type>-<org>-<filter>
		snprintf(base, sizeof(base), "%.10s-event4_honeypot_darknet-%s-%s-as%u", f->day,
			contact, f->watch->name, rows[0].s.asn);
	else
		snprintf(base, sizeof(base), "%.10s-%s-%s-as%u", f->day, f->watch->name, contact,
			rows[0].s.asn);
	snprintf(file, sizeof(file), "%s.%s", base, ext);
	(csv ? feed_shadowserver : feed_intelmq)(f, rows, n, &b);
	int rc = write_file(f, base, ext, &b, err);
	tt_buf_reset(&b);
	if (!rc && !contacts_nobody(&f->contacts, rows[0].contact)) {
		feed_letter(f, rows, n, file, &b);
		rc = write_file(f, base, "txt", &b, err);
	}
	tt_buf_free(&b);
	return rc;
}

static int write_all(struct gather *g, struct tt_feed_result *out, struct tt_err *err) {
	int rc = 0;
	if (g->n)
		qsort(g->rows, g->n, sizeof(*g->rows), by_group);
	for (size_t i = 0, j; !rc && i < g->n; i = j) {
		const struct feed_row *first = &g->rows[i];
		for (j = i + 1; j < g->n && g->rows[j].contact == first->contact &&
				g->rows[j].s.asn == first->s.asn;
			j++)
			;
		rc = write_group(g->f, first, j - i, err);
		if (contacts_nobody(&g->f->contacts, first->contact)) {
			out->unassigned += j - i;
		} else {
			out->groups++;
			out->told += j - i;
		}
	}
	out->cooling = g->cooling;
	return rc;
}

static int find_watch(struct feed *f, const struct tt_watch_list *l, struct tt_err *err) {
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->watches[i].name, f->conf->watch))
			f->watch = &l->watches[i];
	if (!f->watch)
		return tt_err_set(
			err, -ENOENT, "watch %s: is not in this database", f->conf->watch);
	const json_t *feed = json_object_get(f->watch->settings, "feed");
	if (!json_is_object(feed) || !f->watch->keep_sources)
		return tt_err_set(err, -EINVAL,
			"watch %s: has no %s, expected \"feed\" and \"keep_sources\": true",
			f->conf->watch, f->watch->keep_sources ? "feed" : "sources");
	f->identifier = json_string_value(json_object_get(feed, "identifier"));
	f->tlp = json_string_value(json_object_get(feed, "tlp"));
	f->cooldown = (unsigned)json_integer_value(json_object_get(feed, "cooldown_days"));
	f->kind = kind_of(json_object_get(f->watch->settings, "where"));
	f->malware = f->kind == FEED_INFECTED ? "mirai" : "";
	return 0;
}

// Files first, then who was told: after a crash the day is told again, not forgotten.
static int make(
	struct feed *f, const char *told_path, struct tt_feed_result *out, struct tt_err *err) {
	struct tt_tz *tz = tt_store_tz(f->s);
	int64_t day = tt_tz_day(tz, f->conf->day);
	struct told told;
	struct gather g = {.f = f, .told = &told, .day = day};
	int rc = told_load(&told, told_path, err);
	tt_day_format(day, f->day);
	if (!rc)
		rc = tt_store_rir(f->s, f->conf->day, tt_tz_day_start(tz, day + 1), f->rir, err);
	if (!rc) {
		rc = tt_store_watch_sources(f->s, f->watch->name, f->conf->day,
			tt_tz_day_start(tz, day + 1), take, &g, err);
		if (rc == -ENOMEM)
			tt_err_set(err, rc, "watch %s: out of memory", f->watch->name);
	}
	if (!rc)
		rc = write_all(&g, out, err);
	// what nobody was told of is told at once to a contact that comes later
	for (size_t i = 0; !rc && i < g.n; i++)
		if (!contacts_nobody(&f->contacts, g.rows[i].contact) &&
			(rc = told_add(&told, &g.rows[i].s.source, day)))
			tt_err_set(err, rc, "%s: out of memory", told_path);
	if (!rc && out->told)
		rc = told_write(&told, told_path, day, f->cooldown, err);
	free(g.rows);
	told_free(&told);
	return rc;
}

int tt_report_feed(struct tt_store *s, const struct tt_feed_conf *conf, struct tt_feed_result *out,
	struct tt_err *err) {
	struct feed f = {.s = s, .conf = conf, .now = tt_now_ns() / TT_NS};
	struct tt_watch_list l;
	char told[PATH_MAX];
	memset(out, 0, sizeof(*out));
	int rc = tt_store_watches(s, &l, err);
	if (!rc)
		rc = find_watch(&f, &l, err);
	if (!rc)
		rc = tt_err_input(contacts_load(&f.contacts, conf->contacts, err));
	if (!rc && mkdir(conf->dir, 0700) && errno != EEXIST)
		rc = tt_err_set(err, -errno, "%s: %s", conf->dir, strerror(errno));
	if (!rc && conf->told)
		snprintf(told, sizeof(told), "%s", conf->told);
	else
		snprintf(told, sizeof(told), "%s/.told-%s", conf->dir, conf->watch);
	if (!rc)
		rc = make(&f, told, out, err);
	const json_t *settings = f.watch ? f.watch->settings : NULL;
	const char *surveyors = json_string_value(json_object_get(settings, "surveyors"));
	out->surveyors = surveyors && strcmp(surveyors, "with");
	if (!rc && out->surveyors)
		rc = tt_store_survey_days(s, conf->day,
			tt_tz_day_start(tt_store_tz(s), tt_tz_day(tt_store_tz(s), conf->day) + 1),
			&out->survey, err);
	contacts_free(&f.contacts);
	tt_watch_list_free(&l);
	return rc;
}
