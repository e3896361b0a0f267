/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture_priv.h"

#define WRITER_BUF (1u << 20)

struct tt_capture_writer {
	int fd;
	int rc; // sticky
	enum tt_capture_format format;
	bool swap;
	uint32_t snaplen;
	unsigned iface_n;
	struct {
		uint16_t ifindex;
		uint8_t link;
	} ifaces[256];
	char *path;
	size_t len;
	uint8_t buf[WRITER_BUF];
};

static const uint16_t linktypes[] = {
	[TT_LINK_ETHERNET] = 1,
	[TT_LINK_RAW] = 101,
	[TT_LINK_SLL] = 113,
	[TT_LINK_SLL2] = 276,
};

static void flush(struct tt_capture_writer *w) {
	size_t done = 0;
	while (done < w->len && w->rc == 0) {
		ssize_t n = write(w->fd, w->buf + done, w->len - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			w->rc = -errno;
	}
	w->len = 0;
}

static void put(struct tt_capture_writer *w, const void *data, size_t len) {
	const uint8_t *p = data;
	while (len > 0) {
		if (w->len == WRITER_BUF)
			flush(w);
		size_t n = WRITER_BUF - w->len < len ? WRITER_BUF - w->len : len;
		memcpy(w->buf + w->len, p, n);
		w->len += n;
		p += n;
		len -= n;
	}
}

static void put16(struct tt_capture_writer *w, uint16_t v) {
	v = w->swap ? __builtin_bswap16(v) : v;
	put(w, &v, sizeof(v));
}

static void put32(struct tt_capture_writer *w, uint32_t v) {
	v = w->swap ? __builtin_bswap32(v) : v;
	put(w, &v, sizeof(v));
}

static void write_pcap_header(struct tt_capture_writer *w, uint8_t link) {
	put32(w, w->format == TT_PCAP_NS ? 0xa1b23c4d : 0xa1b2c3d4);
	put16(w, 2);
	put16(w, 4);
	put32(w, 0);
	put32(w, 0);
	put32(w, w->snaplen ? w->snaplen : CAPLEN_MAX);
	put32(w, linktypes[link]);
}

static void write_section(struct tt_capture_writer *w) {
	put32(w, 0x0a0d0d0a);
	put32(w, 28);
	put32(w, 0x1a2b3c4d);
	put16(w, 1);
	put16(w, 0);
	put32(w, UINT32_MAX); // section length -1: not known
	put32(w, UINT32_MAX);
	put32(w, 28);
}

static void write_iface(struct tt_capture_writer *w, uint8_t link) {
	static const uint8_t nanoseconds[4] = {9};
	put32(w, 1);
	put32(w, 32);
	put16(w, linktypes[link]);
	put16(w, 0);
	put32(w, w->snaplen ? w->snaplen : CAPLEN_MAX);
	put16(w, 9); // if_tsresol
	put16(w, 1);
	put(w, nanoseconds, 4);
	put32(w, 0); // end of options
	put32(w, 32);
}

struct tt_capture_writer *tt_capture_create(const char *path, enum tt_capture_format format,
	int big_endian, uint32_t snaplen, struct tt_err *err) {
	struct tt_capture_writer *w = calloc(1, sizeof(*w));
	if (!w || !(w->path = strdup(path))) {
		free(w);
		tt_err_set(err, 0, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (w->fd < 0) {
		int e = errno;
		tt_err_set(err, -e, "%s: %s", path, strerror(e));
		free(w->path);
		free(w);
		errno = e;
		return NULL;
	}
	w->format = format;
	w->swap = !!big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	w->snaplen = snaplen;
	if (format == TT_PCAPNG)
		write_section(w);
	return w;
}

// Index of the interface of (ifindex, link), written when it first comes; -errno.
static int writer_iface(struct tt_capture_writer *w, const struct tt_capture_rec *r) {
	if (r->link >= sizeof(linktypes) / sizeof(linktypes[0]))
		return -EINVAL;
	for (unsigned i = 0; i < w->iface_n; i++)
		if (w->ifaces[i].link == r->link &&
			(w->format != TT_PCAPNG || w->ifaces[i].ifindex == r->ifindex))
			return (int)i;
	if (w->format != TT_PCAPNG && w->iface_n > 0)
		return -EINVAL;
	if (w->iface_n == sizeof(w->ifaces) / sizeof(w->ifaces[0]))
		return -ENOSPC;
	w->ifaces[w->iface_n].link = r->link;
	w->ifaces[w->iface_n].ifindex = r->ifindex;
	if (w->format == TT_PCAPNG)
		write_iface(w, r->link);
	else
		write_pcap_header(w, r->link);
	return (int)w->iface_n++;
}

int tt_capture_write(struct tt_capture_writer *w, const struct tt_capture_rec *r) {
	static const uint8_t zeros[4] = {0};
	if (w->rc < 0)
		return w->rc;
	int ifindex = writer_iface(w, r);
	if (ifindex < 0)
		return ifindex;
	uint32_t caplen = w->snaplen && r->caplen > w->snaplen ? w->snaplen : r->caplen;
	if (w->format == TT_PCAPNG) {
		uint32_t pad = -caplen & 3, len = 32 + caplen + pad;
		put32(w, 6);
		put32(w, len);
		put32(w, (uint32_t)ifindex);
		put32(w, (uint32_t)((uint64_t)r->ns >> 32));
		put32(w, (uint32_t)r->ns);
		put32(w, caplen);
		put32(w, r->len);
		put(w, r->data, caplen);
		put(w, zeros, pad);
		put32(w, len);
	} else {
		int64_t sec = r->ns / TT_NS, sub = r->ns % TT_NS;
		put32(w, (uint32_t)sec);
		put32(w, (uint32_t)(w->format == TT_PCAP_NS ? sub : sub / 1000));
		put32(w, caplen);
		put32(w, r->len);
		put(w, r->data, caplen);
	}
	return w->rc;
}

int tt_capture_finish(struct tt_capture_writer **wp, struct tt_err *err) {
	struct tt_capture_writer *w = *wp;
	if (!w)
		return 0;
	if (w->format != TT_PCAPNG && w->iface_n == 0)
		write_pcap_header(w, TT_LINK_ETHERNET); // a capture without packets is one, too
	flush(w);
	int rc = w->rc;
	if (close(w->fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		tt_err_set(err, rc, "%s: cannot be written: %s", w->path, strerror(-rc));
	free(w->path);
	free(w);
	*wp = NULL;
	return rc;
}
