/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "store.h"

// ZMap 4.1.0 chooses ip.id at random; its CHANGELOG.md dates the release 2024-03-21. Whoever runs
// an older version still sends 54321 after that day: a weak hint.
const struct tool_rule tool_rules[TT_TOOL_N] = {
	[TT_TOOL_ZMAP] = {"ip.id == 54321", "2024-03-21", 1710979200, 0x1p-16},
	[TT_TOOL_MASSCAN] = {"ip.id == (dst_ip ^ dst_port ^ tcp.seq) & 0xffff", NULL, INT64_MAX,
		0x1p-16},
	[TT_TOOL_MIRAI] = {"tcp.seq == dst_ip", NULL, INT64_MAX, 0x1p-32},
};

double tool_confidence(unsigned tool, uint64_t k, uint64_t n) {
	double nd = (double)n, p = tool_rules[tool].accident, sum = 0;

	for (uint64_t j = k; j <= n && j < k + 64; j++) {
		double jd = (double)j;

		sum += exp(lgamma(nd + 1) - lgamma(jd + 1) - lgamma(nd - jd + 1) + jd * log(p) +
			   (nd - jd) * log1p(-p));
	}
	return sum > 1 ? 0 : 1 - sum;
}
