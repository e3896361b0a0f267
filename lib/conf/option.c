/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_buf.h"

static size_t enter(struct place *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static size_t enter(struct place *at, const char *fmt, ...) {
	size_t was = at->len;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(at->path + was, sizeof(at->path) - was, fmt, ap);
	va_end(ap);
	if (n > 0)
		at->len =
			was + (size_t)n < sizeof(at->path) ? was + (size_t)n : sizeof(at->path) - 1;
	return was;
}

// Control characters and quotes of a key come out as JSON writes them.
static size_t enter_quoted(struct place *at, const char *key) {
	json_t *text = json_string(key);
	char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	size_t was = enter(at, "[%.80s]", quoted ? quoted : "?");
	free(quoted);
	json_decref(text);
	return was;
}

size_t option_enter(struct place *at, const char *key) {
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	if (*key && strspn(key, plain) == strlen(key))
		return enter(at, ".%.64s", key);
	return enter_quoted(at, key);
}

size_t option_enter_index(struct place *at, size_t i) {
	return enter(at, "[%zu]", i);
}

void option_leave(struct place *at, size_t len) {
	at->len = len;
	at->path[len] = '\0';
}

// What a value is, short enough for one line.
static void describe(const json_t *value, char *out, size_t size) {
	if (json_is_object(value)) {
		snprintf(out, size, "an object");
	} else if (json_is_array(value)) {
		snprintf(out, size, "a list of %zu", json_array_size(value));
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
		size_t n = text ? strlen(text) : 0;
		if (n < size) {
			snprintf(out, size, "%s", text ? text : "?");
		} else {
			n = size - 5;
			while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
				n--; // not in the middle of a character
			snprintf(out, size, "%.*s...%s", (int)n, text, text[0] == '"' ? "\"" : "");
		}
		free(text);
	}
}

int option_bad(struct place *at, const json_t *value, const char *fmt, ...) {
	char what[64] = "missing", expected[448];
	if (value)
		describe(value, what, sizeof(what));
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	return tt_err_set(
		at->err, -EINVAL, "%s: %s: is %s, expected %s", at->file, at->path, what, expected);
}

const char *choice_next(const char **rest, size_t *len) {
	const char *start = *rest;
	if (!start || !*start)
		return NULL;
	*len = strcspn(start, "|");
	*rest = start + *len + (start[*len] == '|');
	return start;
}

bool choice_has(const char *choices, const char *text) {
	size_t n = strlen(text), len;
	for (const char *c; (c = choice_next(&choices, &len));) {
		if (len == n && memcmp(c, text, n) == 0)
			return true;
	}
	return false;
}

static int bad_choice(const struct option *o, const json_t *value, struct place *at) {
	struct tt_buf list = TT_BUF_INIT(1024);
	const char *rest = o->choices;
	size_t len;
	for (const char *c; (c = choice_next(&rest, &len));)
		tt_buf_printf(&list, "%s\"%.*s\"",
			list.len == 0 ? ""
			: *rest	      ? ", "
				      : " or ",
			(int)len, c);
	int rc = option_bad(at, value, "%s%s", list.data ? (const char *)list.data : "?",
		o->flags & O_NULL ? " or null" : "");
	tt_buf_free(&list);
	return rc;
}

static int check_text(const struct option *o, const json_t *value, struct place *at) {
	const struct format *f = o->format ? o->format : &format_text;
	size_t max = o->max > 0 ? (size_t)o->max : f->max > 0 ? f->max : TEXT_MAX;
	const char *null = o->flags & O_NULL ? " or null" : "";
	if (o->choices) {
		if (!json_is_string(value) || !choice_has(o->choices, json_string_value(value)))
			return bad_choice(o, value, at);
		return 0;
	}
	if (!json_is_string(value) || !f->ok(json_string_value(value)))
		return option_bad(at, value, "%s%s", f->expected, null);
	if (json_string_length(value) > max)
		return option_bad(at, value, "at most %zu bytes%s", max, null);
	return 0;
}

static int check_number(const struct option *o, const json_t *value, struct place *at) {
	const char *null = o->flags & O_NULL ? " or null" : "";
	double x = json_number_value(value);
	bool ok = o->type == O_INT ? json_is_integer(value) : json_is_number(value);
	if (!ok || !isfinite(x) || x < o->min || x > o->max)
		return option_bad(at, value, "%s from %.15g to %.15g%s",
			o->type == O_INT ? "a whole number" : "a number", o->min, o->max, null);
	return 0;
}

// The members that "a|b" names, as one text to compare.
static int unique_text(const struct option *o, const json_t *entry, struct tt_buf *out) {
	const char *rest = o->unique;
	size_t len;
	tt_buf_reset(out);
	for (const char *c; (c = choice_next(&rest, &len));) {
		char name[32];
		snprintf(name, sizeof(name), "%.*s", (int)len, c);
		const json_t *v = json_object_get(entry, name);
		if (json_is_string(v))
			tt_buf_printf(out, "%s/", json_string_value(v));
		else
			tt_buf_printf(out, "%" JSON_INTEGER_FORMAT "/", json_integer_value(v));
	}
	if (out->rc == 0 && out->len > 0)
		out->data[--out->len] = '\0';
	return out->rc;
}

// What must be unique about an entry, as text to compare.
static int identity(const struct option *o, const json_t *entry, struct tt_buf *out) {
	if (o->unique)
		return unique_text(o, entry, out);
	char *text = json_dumps(entry, JSON_ENCODE_ANY | JSON_SORT_KEYS);
	tt_buf_reset(out);
	int rc = text ? tt_buf_append(out, text, strlen(text)) : -ENOMEM;
	free(text);
	return rc;
}

static int bad_again(
	const struct option *o, size_t i, json_int_t first, const char *text, struct place *at) {
	char list[sizeof(at->path)];
	snprintf(list, sizeof(list), "%s", at->path);
	option_enter_index(at, i);
	if (o->unique && !strchr(o->unique, '|'))
		option_enter(at, o->unique);
	const char *quote = o->unique ? "\"" : "";
	return tt_err_set(at->err, -EINVAL,
		"%s: %s: is %s%s%s, expected another than in %s[%" JSON_INTEGER_FORMAT "]",
		at->file, at->path, quote, text, quote, list, first);
}

static int check_unique(const struct option *o, json_t *list, struct place *at) {
	struct tt_buf text = TT_BUF_INIT(8192);
	json_t *seen = json_object();
	int rc = seen ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
		rc = identity(o, json_array_get(list, i), &text);
		if (rc != 0)
			break;
		const char *key = (const char *)text.data;
		const json_t *first = json_object_get(seen, key);
		if (first)
			rc = bad_again(o, i, json_integer_value(first), key, at);
		else if (json_object_set_new(seen, key, json_integer((json_int_t)i)) < 0)
			rc = -ENOMEM;
	}
	if (rc != 0 && rc != -EINVAL)
		tt_err_set(at->err, rc, "%s: %s: %s", at->file, at->path, strerror(-rc));
	json_decref(seen);
	tt_buf_free(&text);
	return rc;
}

static int check_list(const struct option *o, json_t *value, struct place *at) {
	if (!json_is_array(value) && o->flags & O_ONE)
		return option_check_value(o->of, value, at);
	size_t max = o->max > 0 ? (size_t)o->max : LIST_MAX, n = json_array_size(value);
	if (!json_is_array(value) || n < (size_t)o->min || n > max)
		return option_bad(at, value, "a list of %zu to %zu%s", (size_t)o->min, max,
			o->flags & O_NULL ? " or null" : "");
	for (size_t i = 0; i < n; i++) {
		size_t was = option_enter_index(at, i);
		int rc = option_check_value(o->of, json_array_get(value, i), at);
		if (rc != 0)
			return rc;
		option_leave(at, was);
	}
	return o->unique || o->flags & O_DISTINCT ? check_unique(o, value, at) : 0;
}

static int check_type(const struct option *o, json_t *value, struct place *at) {
	switch (o->type) {
	case O_BOOL:
		return json_is_boolean(value) ? 0 : option_bad(at, value, "true or false");
	case O_INT:
	case O_NUMBER:
		return check_number(o, value, at);
	case O_STRING:
		return check_text(o, value, at);
	case O_LIST:
		return check_list(o, value, at);
	case O_OBJECT:
		if (json_is_string(value) && o->flags & O_ONE)
			return check_text(o->of, value, at);
		if (!json_is_object(value))
			return option_bad(at, value, "%s%s",
				o->flags & O_ONE ? "a text or an object of texts" : "an object",
				o->flags & O_NULL ? " or null" : "");
		return option_check_members(o->of, value, at);
	}
	return -EINVAL;
}

int option_check_value(const struct option *o, json_t *value, struct place *at) {
	if (json_is_null(value) && o->flags & O_NULL)
		return 0;
	int rc = check_type(o, value, at);
	return rc == 0 && o->check ? o->check(value, at) : rc;
}

static const struct option *row_of(const struct option *rows, const char *name) {
	for (; rows->name; rows++) {
		if (strcmp(rows->name, name) == 0)
			return rows;
	}
	return NULL;
}

static int bad_key(const struct option *rows, const char *key, struct place *at) {
	struct tt_buf list = TT_BUF_INIT(1024);
	for (const struct option *o = rows; o->name; o++)
		tt_buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", o->name);
	option_enter(at, key);
	int rc = tt_err_set(at->err, -EINVAL, "%s: %s: is an unknown key, expected one of %s",
		at->file, at->path, list.data ? (const char *)list.data : "none");
	tt_buf_free(&list);
	return rc;
}

static int put_preset(const struct option *o, json_t *object, struct place *at) {
	json_t *value = json_loads(o->preset, JSON_DECODE_ANY, NULL);
	if (!value || json_object_set_new(object, o->name, value) < 0)
		return tt_err_set(at->err, -ENOMEM, "%s: %s: out of memory", at->file, at->path);
	return 0;
}

int option_check_members(const struct option *rows, json_t *object, struct place *at) {
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) {
		if (!row_of(rows, key))
			return bad_key(rows, key, at);
	}
	for (const struct option *o = rows; o->name; o++) {
		size_t was = option_enter(at, o->name);
		int rc = 0;
		if (!json_object_get(object, o->name)) {
			if (o->flags & O_REQUIRED)
				return option_bad(at, NULL, "%s",
					o->format ? o->format->expected : "a value");
			rc = o->preset ? put_preset(o, object, at) : 0;
		}
		value = json_object_get(object, o->name);
		if (rc == 0 && value)
			rc = option_check_value(o, value, at);
		if (rc != 0)
			return rc;
		option_leave(at, was);
	}
	return 0;
}
