/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "survey.h"
#include "tt_watch.h"

// Rollups are checkpoints of the raw batches. Visible batches fold into s->fold as they are put;
// those of a capture into a fold of its own, which joins when the capture is complete. Whenever
// memory may not be the truth any more (a rollback, a crash before, too much of it), it is thrown
// away and the next checkpoint folds what the database says is not folded.
//
// A database made by replay keeps all of its raw batches, and answers come from those while they
// are few enough. It is folded only from where rollups begin to be asked, so that reading a capture
// does not wait for tables that nobody reads.

struct open_file {
	int64_t boot;
	struct fold *fold;
	struct open_file *next;
};

static void lose_tail(struct tt_store *s) {
	fold_destroy(&s->fold);
	s->tail_unknown = true;
}

static struct open_file **find_open(struct tt_store *s, int64_t boot) {
	struct open_file **o = &s->open;

	while (*o != NULL && (*o)->boot != boot)
		o = &(*o)->next;
	return o;
}

static void drop_open(struct open_file **o) {
	struct open_file *gone = *o;

	*o = gone->next;
	fold_destroy(&gone->fold);
	free(gone);
}

void fold_forget(struct tt_store *s) {
	while (s->open != NULL)
		drop_open(&s->open);
	fold_destroy(&s->fold);
	map_free(&s->as_named);
}

static int add(struct fold **f, struct tt_store *s, int64_t batch, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors) {
	int rc;

	if (*f == NULL && (*f = fold_create(f == &s->fold ? s->fold_rows : 0)) == NULL)
		return -ENOMEM;
	if (fold_memory(*f) > FOLD_MEMORY)
		return -ENOSPC;
	rc = fold_view(*f, s, v, d, sensors, NULL);
	return rc < 0 ? rc : fold_add_batch(*f, batch);
}

void fold_put(struct tt_store *s, int64_t batch, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors) {
	struct open_file **o;

	if (s->replay)
		return;
	if (!s->boot.hidden) {
		if (!s->tail_unknown && add(&s->fold, s, batch, v, d, sensors) < 0)
			lose_tail(s);
		return;
	}
	o = find_open(s, s->boot.id);
	if (*o == NULL && (*o = calloc(1, sizeof(**o))) == NULL)
		return; // its batches will be found missing when it is complete
	(*o)->boot = s->boot.id;
	if (add(&(*o)->fold, s, batch, v, d, sensors) < 0)
		drop_open(o);
}

void fold_file_complete(struct tt_store *s, int64_t boot, int64_t batches) {
	struct open_file **o = find_open(s, boot);
	struct fold *f = *o == NULL ? NULL : (*o)->fold;

	if (s->replay)
		return;
	if ((int64_t)(f == NULL ? 0 : f->batch_n) != batches) {
		lose_tail(s);
	} else if (f != NULL && !s->tail_unknown) {
		if (s->fold == NULL) {
			s->fold = f;
			(*o)->fold = NULL;
		} else if (fold_merge(s->fold, f) < 0) {
			lose_tail(s);
		}
	}
	if (*o != NULL)
		drop_open(o);
}

static int unfolded_rows(struct tt_store *s, int64_t *n, struct tt_err *err) {
	return db_int(s, err,
		"SELECT sum(b.rows) FROM batch AS b JOIN boot ON boot.id = b.boot WHERE "
		"b.folded = 0 AND NOT boot.hidden",
		0, n);
}

int fold_start(struct tt_store *s, struct tt_err *err) {
	int64_t n;
	int rc = unfolded_rows(s, &n, err);

	s->tail_unknown = s->replay || n != 0;
	return rc;
}

// Folds what the database has and memory lacks, in pieces that memory holds.
static int catch_up(struct tt_store *s, struct tt_err *err) {
	struct fold *f = NULL;
	struct raw_cursor c;
	int rc = raw_open(s, &c, INT64_MIN, INT64_MAX, RAW_TAIL, err), more = 1;

	if (rc < 0)
		return rc;
	while (rc == 0 && more > 0) {
		if ((more = raw_next(&c, err)) < 0)
			rc = more;
		else if (more > 0 && add(&f, s, c.id, &c.v, &c.d, c.sensor) < 0)
			rc = tt_err_set(err, -ENOMEM, "%s: no memory for rollups", s->path);
		// the cursor's statement must not hold a snapshot while the rest is written
		sqlite3_reset(c.st);
		if (rc == 0 && f != NULL && (more == 0 || fold_memory(f) > FOLD_MEMORY / 4)) {
			rc = segments_write(s, f, err);
			fold_destroy(&f);
		}
	}
	fold_destroy(&f);
	raw_close(&c);
	return rc;
}

int tt_store_checkpoint(struct tt_store *s, struct tt_err *err) {
	int64_t n;
	int rc = 0;

	if (!s->write || s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: %s", s->path,
			s->write ? "a transaction is open" : "is open for reading");
	if ((rc = tt_store_watches_fold(s, err)) < 0)
		return rc;
	if (s->replay && ((rc = unfolded_rows(s, &n, err)) < 0 || n < RAW_ROWS_MAX))
		return rc;
	// what is folded of settled days has to get their verdicts
	if (s->replay && (rc = survey_note_unfolded(s, err)) < 0)
		return rc;
	if (s->tail_unknown) {
		fold_destroy(&s->fold);
		if ((rc = catch_up(s, err)) < 0)
			return rc;
		s->tail_unknown = s->replay;
	}
	if (s->fold != NULL && s->fold->batch_n > 0) {
		if ((rc = segments_write(s, s->fold, err)) < 0)
			return rc;
		s->fold_rows = s->fold->n;
		fold_destroy(&s->fold);
	}
	return 0;
}

bool tt_store_due(const struct tt_store *s) {
	return s->fold != NULL && fold_due(s->fold);
}
