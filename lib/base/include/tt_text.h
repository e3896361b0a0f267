/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

/// Bytes of the character that a text begins with (RFC 3629), 1 to 4; 0 at its end, and where the
/// bytes are no UTF-8.
unsigned tt_utf8_len(const char *text);
/// Whether a text is UTF-8 throughout.
bool tt_utf8_valid(const char *text);
/// Makes a message fit for a terminal, in place: blanks for control characters (C1 too), a question
/// mark for each byte that is no UTF-8.
void tt_text_one_line(char *text);
