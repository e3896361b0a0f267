/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_link.h"

#define ZAP_DOMAIN "probes"

/// Answers libzmq's question whether a CURVE key may connect (ZAP, RFC 27 of ZeroMQ) for every
/// socket of a context that has ZAP_DOMAIN; the name that belongs to the key becomes the
/// connection's User-Id. Has a thread of its own. One a context.
struct zap;
struct zap *zap_create(
	void *ctx, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err);
void zap_destroy(struct zap **z);
