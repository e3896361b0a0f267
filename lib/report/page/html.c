/* SPDX-License-Identifier: BSD-3-Clause */
// Text into HTML and XML: whatever is not written here is escaped.
#include <stdarg.h>
#include <string.h>

#include "page.h"

// Characters that XML 1.0 does not have, and marks that turn the direction of what follows.
static bool is_forbidden(const unsigned char *t) {
	if (*t < 0x20)
		return *t != '\t' && *t != '\n' && *t != '\r';
	if (*t == 0x7f)
		return true;
	if (t[0] == 0xe2 && t[1] == 0x80) // U+202A..U+202E
		return t[2] >= 0xaa && t[2] <= 0xae;
	if (t[0] == 0xe2 && t[1] == 0x81) // U+2066..U+2069
		return t[2] >= 0xa6 && t[2] <= 0xa9;
	return t[0] == 0xef && t[1] == 0xbf && t[2] >= 0xbe; // U+FFFE, U+FFFF
}

void html_text(struct tt_buf *b, const char *text) {
	for (const unsigned char *t = (const unsigned char *)text; *t; t++) {
		const char *as = *t == '&'	   ? "&amp;"
				 : *t == '<'	   ? "&lt;"
				 : *t == '>'	   ? "&gt;"
				 : *t == '"'	   ? "&quot;"
				 : *t == '\''	   ? "&#39;"
				 : is_forbidden(t) ? "\xef\xbf\xbd"
						   : NULL;
		if (as)
			tt_buf_append(b, as, strlen(as));
		else
			tt_buf_append(b, t, 1);
		if (as && *t >= 0xe0) // all three bytes of it
			t += 2;
	}
}

void html_printf(struct tt_buf *b, const char *fmt, ...) {
	va_list ap;
	va_start(ap, fmt);
	for (const char *at; (at = strchr(fmt, '%')); fmt = at + 2) {
		tt_buf_append(b, fmt, (size_t)(at - fmt));
		switch (at[1]) {
		case 's':
			html_text(b, va_arg(ap, const char *));
			break;
		case 'd':
			tt_buf_printf(b, "%d", va_arg(ap, int));
			break;
		case 'u':
			tt_buf_printf(b, "%u", va_arg(ap, unsigned));
			break;
		default: // "%%"
			tt_buf_append(b, "%", 1);
		}
	}
	tt_buf_append(b, fmt, strlen(fmt));
	va_end(ap);
}

void html_heading(struct tt_buf *b, const char *text) {
	for (const char *at; (at = strstr(text, ZW)); text = at + strlen(ZW)) {
		tt_buf_append(b, text, (size_t)(at - text));
		tt_buf_append(b, "<wbr>", 5);
	}
	html_text(b, text);
}
