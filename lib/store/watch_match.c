/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "watch.h"

static bool has_u32(const uint32_t *list, unsigned n, uint32_t v) {
	for (unsigned i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return list == NULL;
}

static bool has_region(const struct watch *w, uint16_t region) {
	for (unsigned i = 0; i < w->region_n; i++)
		if (w->regions[i] == region)
			return true;
	return w->regions == NULL;
}

static bool has_source(const struct watch *w, uint8_t family, const uint8_t src[16]) {
	for (unsigned i = 0; i < w->source_n; i++)
		if (w->sources[i].family == family && memcmp(src, w->sources[i].first, 16) >= 0 &&
			memcmp(src, w->sources[i].last, 16) <= 0)
			return true;
	return w->sources == NULL;
}

// What is asked of the source and the sensor, by the watch and by its plain count.
static bool passes(const struct watch *w, const struct tt_batch_view *v, const struct derived *d,
	uint32_t i, unsigned sensor, bool surveyor) {
	if (!w->sensors[sensor] || v->family[i] == 0)
		return false;
	if (w->surveyors != TT_SURVEYORS_WITH && surveyor != (w->surveyors == TT_SURVEYORS_ONLY))
		return false;
	return has_region(w, d->region[i]) && has_u32(w->asns, w->asn_n, d->asn[i]) &&
	       has_source(w, v->family[i], v->src[i]);
}

static bool has_tool(const struct watch *w, const struct tt_batch_view *v, uint32_t i) {
	for (unsigned t = 0; t < TT_TOOL_N; t++)
		if (w->tools >> t & 1 && view_tool(v, i, t))
			return true;
	return w->tools == 0;
}

static bool service_matches(const struct watch *w, const struct tt_batch_view *v, uint32_t i) {
	return w->classes >> v->class[i] & 1 &&
	       (w->ports == NULL || (!(v->flags[i] & TT_OBS_CLASS_TOTAL) &&
					    has_u32(w->ports, w->port_n,
						    (uint32_t)v->proto[i] << 16 | v->port[i])));
}

bool watch_matches(const struct watch *w, const struct tt_batch_view *v, const struct derived *d,
	uint32_t i, unsigned sensor, bool surveyor) {
	return service_matches(w, v, i) && passes(w, v, d, i, sensor, surveyor) &&
	       (v->traits[i] & w->traits) == w->traits && has_tool(w, v, i);
}

bool watch_matches_plain(const struct watch *w, const struct tt_batch_view *v,
	const struct derived *d, uint32_t i, unsigned sensor, bool surveyor) {
	bool service = v->class[i] == TT_BACKSCATTER || v->class[i] == TT_REFLECTION;
	bool is = service ? v->port[i] == w->plain_port
			  : v->flags[i] & TT_OBS_OTHER_PORT && v->other_port[i] == w->plain_port;

	return w->has_plain && is && v->proto[i] == w->plain_proto &&
	       passes(w, v, d, i, sensor, surveyor);
}

bool watch_could_match(
	const struct watch *w, const struct tt_batch_view *v, uint32_t i, unsigned sensor) {
	bool total = v->flags[i] & TT_OBS_CLASS_TOTAL;

	return w->sensors[sensor] && w->classes >> v->class[i] & 1 &&
	       (total || service_matches(w, v, i));
}
