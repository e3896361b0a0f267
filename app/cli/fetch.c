/* SPDX-License-Identifier: BSD-3-Clause */
#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_S = 30, REDIRECTS = 5, STALL_S = 60 };

// Where the bytes go: a file and its checksum, or a text.
struct sink {
	FILE *file;
	EVP_MD_CTX *md5;
	char *text;
	uint64_t len, max;
	int rc; // why it takes no more
};

static size_t take(char *data, size_t one, size_t n, void *arg) {
	struct sink *s = arg;
	if (s->len + n > s->max) {
		s->rc = -EFBIG;
		return 0;
	}
	if (s->text)
		memcpy(s->text + s->len, data, n);
	else if (!EVP_DigestUpdate(s->md5, data, n) || fwrite(data, 1, n, s->file) != n)
		s->rc = errno ? -errno : -EIO;
	s->len += n;
	return s->rc ? 0 : n;
}

static int explain(CURL *curl, CURLcode code, const struct sink *s, const char *url,
	const char *detail, struct tt_err *err) {
	long status = 0;
	if (s->rc == -EFBIG || code == CURLE_FILESIZE_EXCEEDED)
		return tt_err_set(err, -EFBIG, "%s: is longer than %llu bytes, expected less", url,
			(unsigned long long)s->max);
	if (s->rc)
		return tt_err_set(err, s->rc, "%s: %s", url, strerror(-s->rc));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return tt_err_set(
			err, -EIO, "%s: the server answered %ld, expected 200", url, status);
	return tt_err_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO, "%s: %s", url,
		detail[0] ? detail : curl_easy_strerror(code));
}

static int set_up(
	CURL *curl, const struct fetch_conf *conf, const char *url, struct sink *s, char *detail) {
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_URL, url);
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(curl, CURLOPT_##option, value)
	SET(PROTOCOLS_STR, "https");
	SET(REDIR_PROTOCOLS_STR, "https");
	SET(FOLLOWLOCATION, 1L);
	SET(MAXREDIRS, (long)REDIRECTS);
	SET(FAILONERROR, 1L);
	SET(NOSIGNAL, 1L);
	SET(CONNECTTIMEOUT, (long)CONNECT_S);
	SET(TIMEOUT, conf->timeout_s);
	SET(LOW_SPEED_LIMIT, 1L);
	SET(LOW_SPEED_TIME, (long)STALL_S);
	SET(MAXFILESIZE_LARGE, (curl_off_t)s->max);
	SET(USERAGENT, "teiten/" TT_VERSION);
	SET(ERRORBUFFER, detail);
	SET(WRITEFUNCTION, take);
	SET(WRITEDATA, s);
	if (conf->ca_file)
		SET(CAINFO, conf->ca_file);
#undef SET
	return rc ? -EINVAL : 0;
}

static int fetch(
	const struct fetch_conf *conf, const char *url, struct sink *s, struct tt_err *err) {
	char detail[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	if (!curl)
		return tt_err_set(err, -ENOMEM, "%s: out of memory", url);
	int rc = set_up(curl, conf, url, s, detail);
	if (rc) {
		tt_err_set(err, rc, "%s: %s", url, "cannot be fetched with this libcurl");
	} else {
		CURLcode code = curl_easy_perform(curl);
		rc = code ? explain(curl, code, s, url, detail, err) : 0;
	}
	curl_easy_cleanup(curl);
	return rc;
}

static void hex_of(const unsigned char *bytes, unsigned n, char *out) {
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int fetch_file(const struct fetch_conf *conf, const char *url, const char *path, char md5[33],
	struct tt_err *err) {
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct sink s = {.max = conf->max, .md5 = EVP_MD_CTX_new()};
	int rc = 0;
	if (!s.md5 || !EVP_DigestInit_ex(s.md5, EVP_md5(), NULL))
		rc = tt_err_set(err, -ENOMEM, "%s: no MD5 in this libcrypto", url);
	else if (!(s.file = fopen(path, "wbe")))
		rc = tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!rc)
		rc = fetch(conf, url, &s, err);
	if (s.file) {
		// what is named in a folder has to be whole after a crash too
		int bad = fflush(s.file) || fsync(fileno(s.file)) ? errno : 0;
		if (fclose(s.file) && !bad)
			bad = errno;
		if (!rc && bad)
			rc = tt_err_set(err, -bad, "%s: %s", path, strerror(bad));
	}
	if (!rc && EVP_DigestFinal_ex(s.md5, sum, &n))
		hex_of(sum, 16, md5);
	EVP_MD_CTX_free(s.md5);
	return rc;
}

int fetch_text(const struct fetch_conf *conf, const char *url, char *text, size_t size,
	struct tt_err *err) {
	struct sink s = {.max = size - 1, .text = text};
	int rc = fetch(conf, url, &s, err);
	text[rc ? 0 : s.len] = '\0';
	return rc;
}
