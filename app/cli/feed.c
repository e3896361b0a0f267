/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "query.h"
#include "tt_feed.h"
#include "tt_log.h"

struct files { // what the options name
	struct tt_region *region;
	struct tt_asn *asn;
};

static void warn(void *arg, const char *line) {
	(void)arg;
	tt_log(TT_WARN, "%s", line);
}

static int read_options(const struct args *a, struct tt_feed_conf *c, struct tt_err *err) {
	const char *format = arg(a, "format"), *lang = arg(a, "lang");
	bool intelmq = !strcmp(format, "intelmq");
	if (!intelmq && strcmp(format, "shadowserver"))
		return tt_err_set(err, -EINVAL,
			"--format: '%s', expected one of intelmq, shadowserver", format);
	if (lang && strcmp(lang, "en") && strcmp(lang, "ja"))
		return tt_err_set(err, -EINVAL, "--lang: '%s', expected one of en, ja", lang);
	if (!tt_id_valid(arg(a, "watch")))
		return tt_err_set(err, -EINVAL, "--watch: '%s', expected the name of a watch",
			arg(a, "watch"));
	*c = (struct tt_feed_conf){.watch = arg(a, "watch"),
		.format = intelmq ? TT_FEED_INTELMQ : TT_FEED_SHADOWSERVER,
		.dir = arg(a, "output"),
		.contacts = arg(a, "contacts"),
		.told = arg(a, "told"),
		.lang = !lang		     ? -1
			: strcmp(lang, "ja") ? TT_EN
					     : TT_JA};
	return 0;
}

static int read_day(
	const struct args *a, struct tt_store *s, struct tt_feed_conf *c, struct tt_err *err) {
	struct tt_tz *tz = tt_store_tz(s);
	const char *text = arg(a, "day");
	int rc = tt_tz_parse_time(tz, text, &c->day, err);
	if (!rc && c->day != tt_tz_day_start(tz, tt_tz_day(tz, c->day)))
		rc = tt_err_set(err, -EINVAL, "'%s', expected a local date as 2024-12-18", text);
	return rc ? tt_err_prefix(err, -EINVAL, "--day") : 0;
}

static int load_files(const struct args *a, struct files *f, struct tt_err *err) {
	if (arg(a, "rir") && !(f->region = tt_region_load(arg(a, "rir"), warn, NULL, err)))
		return -errno;
	if (arg(a, "asn") && !(f->asn = tt_asn_load(arg(a, "asn"), err)))
		return -errno;
	return 0;
}

static int feed(const struct args *a, struct tt_store *s, struct tt_feed_conf *c) {
	struct files f = {NULL, NULL};
	struct tt_feed_result r;
	struct tt_err err = {""};
	int status = DONE;
	if (read_day(a, s, c, &err) || load_files(a, &f, &err)) {
		status = complain(USAGE, "feed: %s", err.msg);
	} else {
		c->region = f.region;
		c->asn = f.asn;
		struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
		int rc = tt_report_feed(s, c, &r, &err);
		progress_stop(&p);
		if (rc)
			status = complain(rc == -EINVAL || rc == -ENOENT ? USAGE : FAILED,
				"feed: %s", err.msg);
		else
			printf("{\"day\":\"%s\",\"watch\":\"%s\",\"groups\":%u,\"told\":%" PRIu64
			       ",\"cooling\":%" PRIu64 ",\"unassigned\":%" PRIu64 "%s}\n",
				arg(a, "day"), c->watch, r.groups, r.told, r.cooling, r.unassigned,
				!r.surveyors	   ? ""
				: r.survey.running ? ",\"surveyors\":\"running\""
				: r.survey.listed  ? ",\"surveyors\":\"listed\""
						   : ",\"surveyors\":\"settled\"");
	}
	tt_region_destroy(&f.region);
	tt_asn_destroy(&f.asn);
	return status;
}

int run_feed(const struct args *a) {
	struct tt_feed_conf c;
	struct tt_err err = {""};
	int status = DONE;
	if (read_options(a, &c, &err))
		return complain(USAGE, "feed: %s", err.msg);
	struct tt_store *s = open_db(a, &status);
	if (!s)
		return status;
	status = feed(a, s, &c);
	tt_store_close(&s, NULL);
	return status;
}
