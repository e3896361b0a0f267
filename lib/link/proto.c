/* SPDX-License-Identifier: BSD-3-Clause */
#include "proto.h"

#include <errno.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

static uint8_t *put(uint8_t *p, const void *v, size_t n) {
	memcpy(p, v, n);
	return p + n;
}

static const uint8_t *get(const uint8_t *p, void *v, size_t n) {
	memcpy(v, p, n);
	return p + n;
}

size_t proto_pack(const struct proto_frame *f, uint8_t out[PROTO_FRAME_MAX]) {
	uint8_t *p = put(out, "TL", 2);
	*p++ = f->type;
	*p++ = f->version;
	p = put(p, &f->value, 4);
	p = put(p, &f->boot, 8);
	p = put(p, &f->seq, 8);
	if (f->type == PROTO_HELLO) {
		p = put(p, &f->lowest, 2);
		p = put(p, &f->highest, 2);
		p = put(p, &f->clock_ns, 8);
		memset(p, 0, 32);
		memcpy(p, f->probe, strnlen(f->probe, TT_ID_MAX));
		p += 32;
	} else if (f->type == PROTO_ACK) {
		p = put(p, f->ranges, f->value * sizeof(*f->ranges));
	} else if (f->type == PROTO_REFUSE) {
		p = put(p, f->text, strnlen(f->text, PROTO_TEXT_MAX - 1));
	}
	return (size_t)(p - out);
}

static int unpack_hello(const uint8_t *p, size_t len, struct proto_frame *f) {
	if (len != PROTO_HELLO_LEN)
		return -EBADMSG;
	p = get(p, &f->lowest, 2);
	p = get(p, &f->highest, 2);
	p = get(p, &f->clock_ns, 8);
	get(p, f->probe, TT_ID_MAX);
	f->probe[TT_ID_MAX] = 0;
	return tt_id_valid(f->probe) && f->lowest <= f->highest ? 0 : -EBADMSG;
}

static int unpack_ack(const uint8_t *p, size_t len, struct proto_frame *f) {
	if (f->value > PROTO_RANGES_MAX || len != PROTO_HEAD + f->value * sizeof(*f->ranges))
		return -EBADMSG;
	memcpy(f->ranges, p, f->value * sizeof(*f->ranges));
	for (uint32_t i = 0; i < f->value; i++)
		if (!f->ranges[i].first || f->ranges[i].last < f->ranges[i].first)
			return -EBADMSG;
	return 0;
}

int proto_unpack(const void *data, size_t len, struct proto_frame *f) {
	const uint8_t *p = data;
	if (len < PROTO_HEAD || memcmp(p, "TL", 2))
		return -EBADMSG;
	f->type = p[2];
	f->version = p[3];
	p = get(p + 4, &f->value, 4);
	p = get(p, &f->boot, 8);
	p = get(p, &f->seq, 8);
	f->text[0] = 0;
	switch (f->type) {
	case PROTO_HELLO:
		return unpack_hello(p, len, f);
	case PROTO_ACK:
		return unpack_ack(p, len, f);
	case PROTO_REFUSE:
		if (len - PROTO_HEAD >= PROTO_TEXT_MAX || memchr(p, 0, len - PROTO_HEAD))
			return -EBADMSG;
		memcpy(f->text, p, len - PROTO_HEAD);
		f->text[len - PROTO_HEAD] = 0;
		return 0;
	case PROTO_WELCOME:
	case PROTO_BATCH:
	case PROTO_WHO:
		return len == PROTO_HEAD ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}
