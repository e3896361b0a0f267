/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "queue.h"
#include "tt_err.h"

/// Batches on disk until they are acknowledged: a SQLite file with synchronous=FULL, owned by one
/// process at a time. Any thread may call; SQLite serialises.
struct spool;
struct spool *spool_open(const char *path, struct tt_err *err);
void spool_close(struct spool **s);
/// Appends what an earlier process left, oldest first, without its data.
int spool_load(struct spool *s, struct queue *q, struct tt_err *err);
/// Writes a batch and waits for the disk; sets it->spool_id.
int spool_put(struct spool *s, struct item *it, const void *data, struct tt_err *err);
/// Writes another batch, without observations, in a row's place; within begin and end.
int spool_replace(struct spool *s, int64_t id, const void *data, size_t len);
/// Reads a batch's bytes into it->data.
int spool_read(struct spool *s, struct item *it, struct tt_err *err);
/// Deletes rows; several between begin and end are one transaction.
int spool_begin(struct spool *s);
int spool_delete(struct spool *s, int64_t id);
int spool_end(struct spool *s);
