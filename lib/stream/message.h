/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_messages.h"

/// What every message begins with, without the closing brace.
void message_head(struct tt_buf *b, const struct tt_message_head *h);
