/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_text.h"

#include <stdint.h>

unsigned tt_utf8_len(const char *text) {
	const uint8_t *t = (const uint8_t *)text;
	if (t[0] < 0x80)
		return t[0] != 0;
	unsigned n = t[0] >= 0xc2 && t[0] < 0xe0   ? 2
		     : t[0] >= 0xe0 && t[0] < 0xf0 ? 3
		     : t[0] >= 0xf0 && t[0] < 0xf5 ? 4
						   : 0;
	for (unsigned i = 1; i < n; i++)
		if ((t[i] & 0xc0) != 0x80)
			return 0;
	// written longer than need be, halves of pairs, past U+10FFFF
	if ((t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xed && t[1] >= 0xa0) ||
		(t[0] == 0xf0 && t[1] < 0x90) || (t[0] == 0xf4 && t[1] >= 0x90))
		return 0;
	return n;
}

bool tt_utf8_valid(const char *text) {
	for (unsigned n; *text; text += n)
		if (!(n = tt_utf8_len(text)))
			return false;
	return true;
}

void tt_text_one_line(char *text) {
	for (unsigned n; *text; text += n) {
		n = tt_utf8_len(text);
		bool control = (uint8_t)*text < 0x20 || *text == 0x7f ||
			       (n == 2 && (uint8_t)text[0] == 0xc2 && (uint8_t)text[1] < 0xa0);
		if (control)
			for (unsigned i = 0; i < n; i++)
				text[i] = ' ';
		else if (!n)
			*text = '?';
		n = n ? n : 1;
	}
}
