/* SPDX-License-Identifier: BSD-3-Clause */
// The logo stands in the page itself, as a data: URI.
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sections.h"
#include "tt_conf.h"
#include "tt_file.h"

#define LOGO_MAX (1u << 20)
#define PNG	 "\x89PNG\r\n\x1a\n" // PNG 1.2, 3.1

static uint32_t be32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Whether all chunks are whole, from the first, IHDR, to the last, IEND.
static int check_png(const char *path, const uint8_t *data, size_t len, struct tt_err *err) {
	bool picture = false;
	for (size_t at = 8; len - at >= 12;) {
		const uint8_t *chunk = data + at;
		uint32_t n = be32(chunk);
		if (n > len - at - 12)
			break;
		if (crc32(0, chunk + 4, n + 4) != be32(chunk + 8 + n))
			return tt_err_set(err, -EINVAL,
				"%s: byte %zu: a PNG chunk's check sum is wrong, expected a whole "
				"picture",
				path, at);
		if ((at == 8) != !memcmp(chunk + 4, "IHDR", 4))
			return tt_err_set(err, -EINVAL,
				"%s: byte %zu: expected one IHDR chunk, as the first", path, at);
		picture |= !memcmp(chunk + 4, "IDAT", 4);
		at += 12 + n;
		if (!memcmp(chunk + 4, "IEND", 4))
			return picture && at == len
				       ? 0
				       : tt_err_set(err, -EINVAL,
						 "%s: byte %zu: %s, expected one picture", path, at,
						 picture ? "more follows the PNG's end"
							 : "the PNG ends without one");
	}
	return tt_err_set(
		err, -EINVAL, "%s: the PNG is cut after %zu bytes, expected its IEND", path, len);
}

// Past white space, comments, declarations and processing instructions.
static const char *past_prolog(const char *p) {
	for (;;) {
		p += strspn(p, " \t\r\n");
		const char *end = !strncmp(p, "<!--", 4) ? "-->"
				  : !strncmp(p, "<?", 2) ? "?>"
				  : !strncmp(p, "<!", 2) ? ">"
							 : NULL;
		const char *next = end ? strstr(p, end) : NULL;
		if (!next)
			return p;
		p = next + strlen(end);
	}
}

// Whether the text is one svg element. What is wrong inside shows nothing, but harms nothing: the
// page has it as an image.
static int check_svg(const char *path, const char *text, struct tt_err *err) {
	static const char close[] = "</svg>";
	const char *root = past_prolog(strncmp(text, "\xef\xbb\xbf", 3) ? text : text + 3);
	if (strncmp(root, "<svg", 4) || !strchr(" \t\r\n/>", root[4]))
		return tt_err_set(err, -EINVAL, "%s: is neither PNG nor SVG, expected one", path);
	unsigned row = 1;
	const char *end = NULL;
	for (const char *p = root; (p = strstr(p, close)); p++)
		end = p + strlen(close);
	if (end && !*past_prolog(end))
		return 0;
	for (; *text; text++)
		row += *text == '\n' && text[1];
	return tt_err_set(err, -EINVAL,
		"%s:%u: the SVG does not end with </svg>, expected all of it", path, row);
}

static int load(const char *path, struct tt_buf *b, const char **kind, struct tt_err *err) {
	int rc = tt_err_input(tt_file_read(path, b, err));
	if (rc)
		return rc;
	if (b->len > 8 && !memcmp(b->data, PNG, 8)) {
		*kind = "image/png";
		return check_png(path, b->data, b->len, err);
	}
	*kind = "image/svg+xml";
	rc = tt_err_input(tt_file_read_text(path, b, err));
	return rc ? rc : check_svg(path, (const char *)b->data, err);
}

int logo_read(struct page *p) {
	const char *given = json_string_value(json_object_get(p->config, "logo")), *kind = NULL;
	struct tt_buf b = TT_BUF_INIT(LOGO_MAX);
	char path[PATH_MAX + 64];
	if (!given)
		return 0;
	int rc = tt_conf_path(p->conf->config_name, given, path, sizeof(path), p->err);
	if (!rc)
		rc = load(path, &b, &kind, p->err);
	if (!rc && !(p->logo = malloc(b.len * 4 / 3 + 64)))
		rc = tt_err_set(p->err, -ENOMEM, "%s: no memory", path);
	if (!rc) {
		int n = sprintf(p->logo, "data:%s;base64,", kind);
		EVP_EncodeBlock((unsigned char *)p->logo + n, b.data, (int)b.len);
	}
	tt_buf_free(&b);
	return rc;
}

void write_logo(struct page *p, struct tt_buf *b) {
	if (p->logo)
		html_printf(b, "<img src=\"%s\" alt=\"\">\n", p->logo);
}
