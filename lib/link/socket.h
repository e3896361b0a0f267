/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "tt_link.h"

struct door;

struct socket_conf {
	int type; // of ZeroMQ
	const char *endpoint;
	bool bind, server; // server: its own key answers for it (CURVE)
	int send_hwm, receive_hwm;
	long long max_message; // larger ones close the connection they came by
	const struct tt_link_keys *keys;
	struct door *door; // NULL: nobody is asked about keys
};
/// Creates, sets every option and binds or connects. NULL with errno and a message.
void *socket_open(void *ctx, const struct socket_conf *conf, struct tt_err *err);
/// Closes a bound socket that may still send for linger_ms, and removes its file (ipc): libzmq
/// leaves it behind.
void socket_close_bound(void *socket, const char *endpoint, int linger_ms);
/// Sets an int option; -errno.
int socket_set(void *socket, int option, int value);
