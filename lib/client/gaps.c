/* SPDX-License-Identifier: BSD-3-Clause */
#include "gaps.h"

#include <stdlib.h>
#include <string.h>

#include "tt_file.h"
#include "tt_hash.h"

#define SLOTS	 (2 * GAPS_TOPICS)
#define HEAD_MAX 256 // bytes of a message that boot and seq are in
#define BOOT_MAX 17

struct row {
	char *topic; // NULL: free
	char boot[BOOT_MAX];
	uint64_t seq;
};

struct gaps {
	uint8_t secret[16]; // topics come from outside
	unsigned count;
	struct row rows[SLOTS];
};

struct gaps *gaps_create(void) {
	struct gaps *g = calloc(1, sizeof(*g));
	if (g)
		tt_random(g->secret, sizeof(g->secret));
	return g;
}

void gaps_destroy(struct gaps **g) {
	if (!*g)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		free((*g)->rows[i].topic);
	free(*g);
	*g = NULL;
}

static struct row *row_of(struct gaps *g, const char *topic) {
	unsigned at = tt_siphash(g->secret, topic, strlen(topic)) % SLOTS;
	while (g->rows[at].topic && strcmp(g->rows[at].topic, topic))
		at = (at + 1) % SLOTS;
	return &g->rows[at];
}

// where the value of a member of the message's head begins; NULL without
static const char *member(const char *json, size_t len, const char *name) {
	len = len < HEAD_MAX ? len : HEAD_MAX;
	const char *p = memmem(json, len, name, strlen(name));
	return p ? p + strlen(name) : NULL;
}

// reads boot and seq; the text need not end with a zero byte
static int read_head(const char *json, size_t len, char boot[BOOT_MAX], uint64_t *seq) {
	const char *b = member(json, len, "\"boot\":\""), *s = member(json, len, "\"seq\":");
	const char *end = json + len;
	size_t n = 0;
	if (!b || !s)
		return -1;
	for (; b < end && *b != '"' && n < BOOT_MAX - 1; b++)
		boot[n++] = *b;
	boot[n] = 0;
	*seq = 0;
	for (n = 0; s < end && *s >= '0' && *s <= '9' && n < 19; s++, n++)
		*seq = 10 * *seq + (uint64_t)(*s - '0');
	return n && *seq ? 0 : -1;
}

uint64_t gaps_note(struct gaps *g, const char *topic, const char *json, size_t len) {
	char boot[BOOT_MAX];
	uint64_t seq;
	if (read_head(json, len, boot, &seq))
		return 0;
	struct row *r = row_of(g, topic);
	if (!r->topic) {
		if (g->count == GAPS_TOPICS || !(r->topic = strdup(topic)))
			return 0;
		g->count++;
	} else if (strcmp(r->boot, boot)) {
		r->seq = 0;
	} else if (seq <= r->seq) {
		return 0;
	}
	uint64_t missed = r->boot[0] ? seq - r->seq - 1 : 0;
	strcpy(r->boot, boot);
	r->seq = seq;
	return missed;
}
