/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as messages of a stream, a line each: topic, space, JSON. Whatever a publisher says,
// what is counted as missed is no more than the numbers allow.
#include <stdlib.h>
#include <string.h>

#include "gaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct gaps *g;
	static unsigned runs;
	const uint8_t *end = data + size;
	if (runs++ % 1000 == 0) { // it is large
		gaps_destroy(&g);
		g = gaps_create();
	}

	while (data < end) {
		const uint8_t *nl = memchr(data, '\n', (size_t)(end - data));
		size_t line = (size_t)((nl ? nl : end) - data);
		const uint8_t *space = memchr(data, ' ', line);
		size_t topic_len = space ? (size_t)(space - data) : line;
		char topic[256];
		if (topic_len < sizeof(topic)) {
			memcpy(topic, data, topic_len);
			topic[topic_len] = 0;
			// of its own size: a byte too far is told
			size_t n = space ? line - topic_len - 1 : 0;
			char *json = malloc(n ? n : 1);
			if (n)
				memcpy(json, space + 1, n);
			gaps_note(g, topic, json, n);
			// the same again misses nothing
			if (gaps_note(g, topic, json, n))
				abort();
			free(json);
		}
		data += line + 1;
	}
	return 0;
}
