/* SPDX-License-Identifier: BSD-3-Clause */
// Byte 0: link type; byte 1: declared tunnels; byte 2: how much longer the frame was on the wire;
// the rest is the frame. What must hold for any bytes is checked, besides the sanitizers.
#include <stdlib.h>
#include <string.h>

#include "tt_obs.h"
#include "tt_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void check(const struct tt_pkt *k, const struct tt_frame *f) {
	MUST(k->class < TT_CLASS_N);
	MUST(k->family == 0 || k->family == 4 || k->family == 6);
	MUST(k->vlan_n <= 4);
	MUST(k->sensor == TT_NO_SENSOR);
	MUST(k->traits >> TT_TRAIT_N == 0);
	if (k->class == TT_MALFORMED || k->class == TT_FRAGMENT || k->class == TT_NON_IP)
		MUST(k->port == 0 && !k->has_ports && !k->tools && !k->testable && !k->traits);
	if (k->class < TT_OBSERVED_CLASS_N)
		MUST(k->family != 0);
	if (k->class != TT_SCAN)
		MUST(!k->tools && !k->testable && !k->syn_sample);
	if (k->class == TT_REFLECTION)
		MUST(k->proto == 17 && !(k->traits & TT_TRAIT_REFLECTOR_PORT));
	if (k->class == TT_MALFORMED || k->class == TT_NON_IP)
		MUST(k->tunnel == TT_TUNNEL_NONE);
	if (k->tunnel != TT_TUNNEL_NONE && k->tunnel_state == TT_TUNNEL_OK)
		MUST(k->inner_off <= f->caplen && k->inner_len <= f->caplen - k->inner_off);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tt_packet_conf conf;
	if (!conf.vxlan_ports[0])
		tt_packet_conf_init(&conf);
	if (size < 3)
		return 0;
	uint32_t caplen = (uint32_t)size - 3;
	// a block of its own, so that reading behind the frame is seen
	uint8_t *bytes = malloc(caplen ? caplen : 1);
	MUST(bytes);
	memcpy(bytes, data + 3, caplen);
	struct tt_frame f = {caplen ? bytes : NULL, caplen, caplen + data[2] * 16u, data[0] & 3};
	conf.tunnels = data[1] & ((1u << TT_TUNNEL_N) - 2);
	struct tt_pkt k, again;
	memset(&k, data[0], sizeof(k));
	memset(&again, ~data[0], sizeof(again));
	tt_packet_parse(&conf, &f, &k, 1);
	tt_packet_parse(&conf, &f, &again, 1);
	MUST(memcmp(&k, &again, sizeof(k)) == 0);
	check(&k, &f);
	uint32_t at = 0;
	while (k.tunnel != TT_TUNNEL_NONE && k.tunnel_state == TT_TUNNEL_OK) {
		MUST(k.inner_off > at); // every layer takes bytes, so it ends
		MUST(conf.tunnels >> k.tunnel & 1);
		at = k.inner_off;
		tt_packet_open(&conf, &f, &k);
		check(&k, &f);
	}
	free(bytes);
	return 0;
}
