/* SPDX-License-Identifier: BSD-3-Clause */
#include "pseudonym.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "tt_conf.h"

// HMAC-SHA256 (RFC 2104) of what is named, by the recipient: no one can go back from a pseudonym,
// and two recipients cannot tell that theirs are of the same sensor. 50 bits: of 16,384 sensors two
// share one with a probability of 1e-7.
void pseudonym_make(struct tt_store *s, const struct tt_pseudonyms *names, char kind,
	const char *of, char out[TT_ID_LEN]) {
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's
	const char *key = names->key;
	const void *secret = key ? (const void *)key : (const void *)tt_store_secret(s);
	uint8_t mac[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 0;
	char text[1024];
	int n = snprintf(text, sizeof(text), "teiten pseudonym 1%c%s%c%c%s", '\0', names->recipient,
		'\0', kind, of);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	HMAC(EVP_sha256(), secret, key ? (int)strlen(key) : 16, (const uint8_t *)text, (size_t)n,
		mac, &len);
	uint64_t bits = 0;
	for (unsigned i = 0; i < 8; i++)
		bits = bits << 8 | mac[i];
	out[0] = kind;
	out[1] = '-';
	for (unsigned i = 0; i < 10; i++, bits >>= 5)
		out[2 + i] = digits[bits & 31];
	out[12] = '\0';
}

void pseudonym_put(
	struct tt_store *s, const struct tt_pseudonyms *names, char kind, char *name, size_t size) {
	char alias[TT_ID_LEN];
	if (!*name)
		return;
	pseudonym_make(s, names, kind, name, alias);
	snprintf(name, size, "%s", alias);
}

void pseudonym_clock(
	struct tt_store *s, const struct tt_pseudonyms *names, struct tt_clock_steps *c) {
	for (unsigned i = 0; i < c->n; i++) {
		struct tt_clock_step *x = &c->steps[i];
		pseudonym_put(s, names, 'p', x->probe, sizeof(x->probe));
		pseudonym_put(s, names, 'b', x->boot, sizeof(x->boot));
		pseudonym_put(s, names, 'b', x->next, sizeof(x->next));
	}
}

void pseudonym_clock_json(
	struct tt_store *s, const struct tt_pseudonyms *names, json_t *clock_steps) {
	static const char *const keys[] = {"probe", "boot", "next"};
	json_t *step;
	size_t i;
	json_array_foreach(clock_steps, i, step) {
		for (unsigned k = 0; k < 3; k++) {
			const char *name = json_string_value(json_object_get(step, keys[k]));
			char alias[TT_ID_LEN];
			if (!name)
				continue;
			pseudonym_make(s, names, k ? 'b' : 'p', name, alias);
			json_object_set_new(step, keys[k], json_string(alias));
		}
	}
}

static bool is_word(char c) {
	return isalnum((unsigned char)c) || c == '-' || (unsigned char)c >= 0x80;
}

static bool names(const char *text, const char *name) {
	size_t n = strlen(name);
	bool wide = (unsigned char)name[0] >= 0x80; // scripts that write no blanks between words
	for (const char *at = n ? strcasestr(text, name) : NULL; at; at = strcasestr(at + 1, name))
		if (wide || ((at == text || !is_word(at[-1])) && !is_word(at[n])))
			return true;
	return false;
}

bool names_a_sensor(struct tt_store *s, const char *text) {
	const struct tt_catalog *c = tt_store_catalog(s, NULL);
	for (unsigned i = 0; c && i < c->sensor_n; i++) {
		const struct tt_sensor_conf *of = &c->sensors[i];
		if (names(text, of->id) || names(text, of->name_en) || names(text, of->name_ja) ||
			names(text, of->network))
			return true;
	}
	return false;
}
