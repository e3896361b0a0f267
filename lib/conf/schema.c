/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "option.h"
#include "tt_conf.h"

static json_t *schema_members(const struct option *rows);
static json_t *schema_value(const struct option *o);

static json_t *whole(double x) {
	return json_integer((json_int_t)x);
}

static json_t *schema_text(const struct option *o) {
	if (o->choices) {
		json_t *list = json_array();
		const char *rest = o->choices;
		size_t len;
		for (const char *c; (c = choice_next(&rest, &len));)
			json_array_append_new(list, json_stringn(c, len));
		if (o->flags & O_NULL)
			json_array_append_new(list, json_null());
		return json_pack("{s:o}", "enum", list);
	}
	const struct format *f = o->format ? o->format : &format_text;
	size_t max = o->max > 0 ? (size_t)o->max : f->max > 0 ? f->max : TEXT_MAX;
	json_t *s = json_pack("{s:s, s:o}", "type", "string", "maxLength", whole((double)max));
	if (f->pattern)
		json_object_set_new(s, "pattern", json_string(f->pattern));
	return s;
}

static json_t *schema_list(const struct option *o) {
	json_t *s = json_pack("{s:s, s:o}", "type", "array", "items", schema_value(o->of));
	if (o->min > 0)
		json_object_set_new(s, "minItems", whole(o->min));
	json_object_set_new(s, "maxItems", whole(o->max > 0 ? o->max : LIST_MAX));
	if (o->flags & O_DISTINCT)
		json_object_set_new(s, "uniqueItems", json_true());
	return s;
}

static json_t *schema_type(const struct option *o) {
	switch (o->type) {
	case O_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case O_INT:
		return json_pack("{s:s, s:o, s:o}", "type", "integer", "minimum", whole(o->min),
			"maximum", whole(o->max));
	case O_NUMBER:
		return json_pack(
			"{s:s, s:f, s:f}", "type", "number", "minimum", o->min, "maximum", o->max);
	case O_STRING:
		return schema_text(o);
	case O_LIST:
		return schema_list(o);
	case O_OBJECT:
		return schema_members(o->of);
	}
	return NULL;
}

static json_t *schema_value(const struct option *o) {
	json_t *s = schema_type(o);
	if (o->flags & O_ONE)
		s = json_pack("{s:[o, o]}", "anyOf",
			o->type == O_OBJECT ? schema_type(o->of) : schema_value(o->of), s);
	if (o->flags & O_NULL && !(o->type == O_STRING && o->choices)) {
		json_t *any = json_object_get(s, "anyOf");
		if (any)
			json_array_append_new(any, json_pack("{s:s}", "type", "null"));
		else
			json_object_set_new(
				s, "type", json_pack("[O, s]", json_object_get(s, "type"), "null"));
	}
	if (o->help)
		json_object_set_new(s, "description", json_string(o->help));
	if (o->preset)
		json_object_set_new(s, "default", json_loads(o->preset, JSON_DECODE_ANY, NULL));
	return s;
}

static json_t *schema_members(const struct option *rows) {
	json_t *members = json_object(), *required = json_array();
	for (const struct option *o = rows; o->name; o++) {
		json_object_set_new(members, o->name, schema_value(o));
		if (o->flags & O_REQUIRED)
			json_array_append_new(required, json_string(o->name));
	}
	json_t *s = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", members,
		"additionalProperties", 0);
	if (json_array_size(required) > 0)
		json_object_set(s, "required", required);
	json_decref(required);
	return s;
}

json_t *tt_conf_schema(const char *kind) {
	const struct kind *k = kind_find(kind);
	if (!k)
		return NULL;
	json_t *s = schema_members(k->options), *members = json_object_get(s, "properties");
	json_object_set_new(members, "kind", json_pack("{s:s}", "const", k->name));
	json_object_set_new(members, "v", json_pack("{s:i}", "const", 1));
	json_t *required = json_object_get(s, "required");
	if (!required) {
		required = json_array();
		json_object_set_new(s, "required", required);
	}
	json_array_append_new(required, json_string("kind"));
	json_array_append_new(required, json_string("v"));
	json_object_set_new(
		s, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(s, "title", json_string(k->title));
	return s;
}
