/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdlib.h>

#include "thin.h"
#include "tt_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What lies in a spool is read as a batch and made smaller; what comes out is a batch with the same
// name and number, without observations, and thin for good.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct thinner *t;
	static struct tt_batch_decoder *d;
	// of the seeds' sensors one comes by an uplink, one by one that is none of theirs
	static struct tt_link_way way[] = {{"cloud1", "up0"}, {"jp-isp1", "other"}};
	static const struct ways ways = {way, 2};
	struct tt_batch_head head;
	struct tt_batch_view v;
	const void *out;
	uint64_t packets;
	__uint128_t given_up = 0;
	size_t len;
	if (!t && (!(t = thinner_create()) || !(d = tt_batch_decoder_create())))
		abort();
	if (thin(t, &ways, data, size, &out, &len, &packets))
		return 0;
	if (tt_batch_peek(data, size, &head, NULL) || tt_batch_decode(d, out, len, &v, NULL) ||
		v.head.seq != head.seq || v.head.obs_n || v.head.meta_len != head.meta_len)
		abort();
	for (uint32_t i = 0; i < v.head.tally_n; i++)
		given_up += v.tallies[i].spool_lost;
	if (v.head.uplink_n && given_up < packets)
		abort();
	return 0;
}
