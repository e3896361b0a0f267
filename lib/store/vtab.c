/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

// The table `observation`: raw batches as rows. It needs no schema in the database (an eponymous
// table); bounds on `epoch` skip batches.

enum column {
	C_EPOCH,
	C_START,
	C_FIRST,
	C_LAST,
	C_PROBE,
	C_BOOT,
	C_SENSOR,
	C_SOURCE,
	C_FAMILY,
	C_CLASS,
	C_PROTO,
	C_PORT,
	C_PACKETS,
	C_BYTES,
	C_OTHER_PORT,
	C_OTHER_PORT_VARIED,
	C_REGION,
	C_ASN,
	C_SURVEYOR,
	C_TRAITS,
	C_ZMAP,
	C_MASSCAN,
	C_MIRAI,
	C_TESTED,
	C_DESTINATIONS,
	C_TCP_FLAGS,
	C_TTL_MIN,
	C_TTL_MAX,
	C_WINDOW,
	C_OPTIONS,
	C_SPILLED,
};
static const char declaration[] =
	"CREATE TABLE observation(epoch INTEGER, start TEXT, first TEXT, last TEXT, probe TEXT, "
	"boot TEXT, sensor TEXT, source TEXT, family INTEGER, class TEXT, proto TEXT, "
	"port INTEGER, packets INTEGER, bytes INTEGER, other_port INTEGER, "
	"other_port_varied INTEGER, region TEXT, asn INTEGER, surveyor INTEGER, traits TEXT, "
	"zmap INTEGER, masscan INTEGER, mirai INTEGER, tested INTEGER, destinations INTEGER, "
	"tcp_flags INTEGER, ttl_min INTEGER, ttl_max INTEGER, window INTEGER, options INTEGER, "
	"spilled INTEGER)";

struct table {
	sqlite3_vtab base;
	struct tt_store *s;
};
struct cursor {
	sqlite3_vtab_cursor base;
	struct raw_cursor raw;
	int64_t from, to;
	uint32_t row;
	bool open, eof;
};

static int connect(
	sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **msg) {
	struct table *t;
	int rc = sqlite3_declare_vtab(db, declaration);

	if (rc != SQLITE_OK)
		return rc;
	if ((t = sqlite3_malloc(sizeof(*t))) == NULL)
		return SQLITE_NOMEM;
	*t = (struct table){.s = aux};
	*out = &t->base;
	return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *t) {
	sqlite3_free(t);
	return SQLITE_OK;
}

// idxStr: a character for each bound that xFilter will be given.
static int best_index(sqlite3_vtab *t, sqlite3_index_info *info) {
	char *ops = sqlite3_malloc(info->nConstraint + 1);
	int n = 0;

	if (ops == NULL)
		return SQLITE_NOMEM;
	for (int i = 0; i < info->nConstraint; i++) {
		char op = 0;

		if (!info->aConstraint[i].usable || info->aConstraint[i].iColumn != C_EPOCH)
			continue;
		switch (info->aConstraint[i].op) {
		case SQLITE_INDEX_CONSTRAINT_EQ:
			op = '=';
			break;
		case SQLITE_INDEX_CONSTRAINT_GT:
		case SQLITE_INDEX_CONSTRAINT_GE:
			op = '>';
			break;
		case SQLITE_INDEX_CONSTRAINT_LT:
		case SQLITE_INDEX_CONSTRAINT_LE:
			op = '<';
			break;
		}
		if (op == 0)
			continue;
		// only batches are skipped by it: SQLite tests each row again
		ops[n++] = op;
		info->aConstraintUsage[i].argvIndex = n;
	}
	ops[n] = '\0';
	info->idxStr = ops;
	info->needToFreeIdxStr = 1;
	info->estimatedCost = n == 0 ? 1e9 : 1e9 / (1 << (n > 8 ? 16 : 2 * n));
	info->estimatedRows = n == 0 ? 1000000000 : 1000000;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out) {
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (c == NULL)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	*out = &c->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
	struct cursor *c = (struct cursor *)base;

	if (c->open)
		raw_close(&c->raw);
	sqlite3_free(c);
	return SQLITE_OK;
}

static int fail(struct cursor *c, const struct tt_err *err) {
	sqlite3_free(c->base.pVtab->zErrMsg);
	c->base.pVtab->zErrMsg = sqlite3_mprintf("%s", err->msg);
	return SQLITE_ERROR;
}

static int next_batch(struct cursor *c) {
	struct tt_err err = {0};
	int rc = raw_next(&c->raw, &err);

	if (rc < 0)
		return fail(c, &err);
	c->row = 0;
	c->eof = rc == 0;
	return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base) {
	struct cursor *c = (struct cursor *)base;

	c->row++;
	while (!c->eof && c->row >= c->raw.v.head.obs_n) {
		int rc = next_batch(c);

		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

static int filter(
	sqlite3_vtab_cursor *base, int num, const char *ops, int argc, sqlite3_value **argv) {
	struct cursor *c = (struct cursor *)base;
	struct tt_store *s = ((struct table *)base->pVtab)->s;
	struct tt_err err = {0};

	c->from = INT64_MIN;
	c->to = INT64_MAX;
	for (int i = 0; i < argc; i++) {
		int64_t v = sqlite3_value_int64(argv[i]);
		int type = sqlite3_value_numeric_type(argv[i]);

		if (type == SQLITE_FLOAT)
			v = (int64_t)fmax(-1, fmin(sqlite3_value_double(argv[i]), 1e18));
		else if (type != SQLITE_INTEGER)
			continue;
		if (ops[i] != '<' && v > c->from)
			c->from = v;
		if (ops[i] != '>' && v < c->to - 1)
			c->to = v + 1;
	}
	if (c->open)
		raw_close(&c->raw);
	c->open = false;
	if (raw_open(s, &c->raw, c->from, c->to, false, &err) < 0)
		return fail(c, &err);
	c->open = true;
	c->raw.v.head.obs_n = 0;
	c->eof = false;
	return next(base);
}

static int eof(sqlite3_vtab_cursor *base) {
	return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *id) {
	struct cursor *c = (struct cursor *)base;

	*id = c->raw.id << 17 | c->row;
	return SQLITE_OK;
}

static void result_text(sqlite3_context *ctx, const char *text) {
	sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void result_traits(sqlite3_context *ctx, uint32_t traits) {
	char text[TT_TRAIT_N * 24] = "";
	size_t n = 0;

	for (unsigned i = 0; i < TT_TRAIT_N; i++)
		if (traits >> i & 1)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? "," : "",
				tt_trait_name(i));
	sqlite3_result_text(ctx, text, (int)n, SQLITE_TRANSIENT);
}

static void result_time(sqlite3_context *ctx, int64_t epoch, uint32_t us) {
	char text[TT_RFC3339_LEN];

	result_text(ctx, tt_time_format_ns(epoch * TT_NS + us * 1000ll, 6, text));
}

// Linear counting (Whang et al. 1990) over the 64 bits.
int64_t destinations_estimate(uint64_t bitmap) {
	int zeros = 64 - __builtin_popcountll(bitmap);

	return zeros == 64 ? 0 : llround(-64 * log((zeros == 0 ? 0.5 : zeros) / 64.0));
}

// Columns whose value depends on a flag or has a text.
static void result_other(sqlite3_context *ctx, const struct cursor *c, int column) {
	const struct tt_batch_view *v = &c->raw.v;
	uint32_t i = c->row;
	int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;
	uint8_t flags = v->flags[i];
	char text[64];

	switch (column) {
	case C_START:
		result_text(ctx, tt_time_format(epoch, text));
		break;
	case C_FIRST:
		result_time(ctx, epoch, v->first_us[i]);
		break;
	case C_LAST:
		result_time(ctx, epoch, v->last_us[i]);
		break;
	case C_SOURCE:
		if (v->family[i] != 0)
			result_text(ctx, tt_addr_format_raw(v->family[i], v->src[i], text));
		break;
	case C_REGION:
		snprintf(text, sizeof(text), "%c%c", c->raw.d.region[i] & 0xff,
			c->raw.d.region[i] >> 8);
		result_text(ctx, text);
		break;
	case C_ASN:
		if (c->raw.d.asn[i] != 0)
			sqlite3_result_int64(ctx, c->raw.d.asn[i]);
		break;
	case C_OTHER_PORT:
		if (flags & TT_OBS_OTHER_PORT)
			sqlite3_result_int(ctx, v->other_port[i]);
		break;
	case C_WINDOW:
		if (flags & TT_OBS_SYN_SAMPLE)
			sqlite3_result_int(ctx, v->window[i]);
		break;
	case C_OPTIONS:
		if (flags & TT_OBS_SYN_SAMPLE)
			sqlite3_result_int64(ctx, v->opt_hash[i]);
		break;
	case C_TRAITS:
		result_traits(ctx, v->traits[i]);
		break;
	}
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int n) {
	const struct cursor *c = (const struct cursor *)base;
	const struct tt_batch_view *v = &c->raw.v;
	uint32_t i = c->row;
	char text[8];
	int64_t value;

	switch (n) {
	case C_EPOCH:
		value = (int64_t)v->epoch_index[i] * v->head.epoch_s;
		break;
	case C_PROBE:
		result_text(ctx, v->head.probe);
		return SQLITE_OK;
	case C_BOOT:
		result_text(ctx, v->head.boot);
		return SQLITE_OK;
	case C_SENSOR:
		result_text(ctx, v->sensors[v->sensor[i]]);
		return SQLITE_OK;
	case C_CLASS:
		sqlite3_result_text(ctx, tt_class_name(v->class[i]), -1, SQLITE_STATIC);
		return SQLITE_OK;
	case C_PROTO:
		result_text(ctx, tt_proto_format(v->proto[i], text));
		return SQLITE_OK;
	case C_FAMILY:
		value = v->family[i];
		break;
	case C_PORT:
		value = v->port[i];
		break;
	case C_PACKETS:
		value = (int64_t)v->packets[i];
		break;
	case C_BYTES:
		value = (int64_t)v->bytes[i];
		break;
	case C_OTHER_PORT_VARIED:
		value = (v->flags[i] & TT_OBS_OTHER_PORT_VARIED) != 0;
		break;
	case C_SURVEYOR:
		value = c->raw.d.surveyor[i];
		break;
	case C_ZMAP:
	case C_MASSCAN:
	case C_MIRAI:
		value = v->matches[n - C_ZMAP][i];
		break;
	case C_TESTED:
		value = v->tested[i];
		break;
	case C_DESTINATIONS:
		value = destinations_estimate(v->dst_bitmap[i]);
		break;
	case C_TCP_FLAGS:
		value = v->tcp_flags[i];
		break;
	case C_TTL_MIN:
		value = v->ttl_min[i];
		break;
	case C_TTL_MAX:
		value = v->ttl_max[i];
		break;
	case C_SPILLED:
		value = (v->flags[i] & TT_OBS_SPILLED) != 0;
		break;
	default:
		result_other(ctx, c, n);
		return SQLITE_OK;
	}
	sqlite3_result_int64(ctx, value);
	return SQLITE_OK;
}

int vtab_add(struct tt_store *s, struct tt_err *err) {
	static const sqlite3_module module = {
		.iVersion = 1,
		.xConnect = connect,
		.xBestIndex = best_index,
		.xDisconnect = disconnect,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter,
		.xNext = next,
		.xEof = eof,
		.xColumn = column,
		.xRowid = rowid,
	};

	if (sqlite3_create_module(s->db, "observation", &module, s) != SQLITE_OK)
		return db_fail(s, err, "observation");
	return 0;
}
