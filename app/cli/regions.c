/* SPDX-License-Identifier: BSD-3-Clause */
// teiten regions update: the five files into a hidden folder, which becomes a set by its name once
// every one of them is whole.
#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "fetch.h"
#include "tt_conf.h"
#include "tt_file.h"
#include "tt_print.h"
#include "tt_region.h"

enum { FILES_MAX = 5, SUM_MAX = 4096 };

struct update {
	json_t *conf;
	char dir[PATH_MAX / 2];	      // of the sets
	char work[PATH_MAX / 2 + 32]; // hidden, in it
	char ca_file[PATH_MAX];
	struct fetch_conf fetch;
	struct {
		const char *registry;
		char date[11];
		uint64_t rows;
	} files[FILES_MAX];
	unsigned n;
};

static const char *text(const json_t *o, const char *key) {
	return json_string_value(json_object_get(o, key));
}

// "d41d8cd9...  file" and "MD5 (file) = d41d8cd9..." are both about: 32 hex digits that stand
// alone.
static bool find_md5(const char *s, char md5[33]) {
	while (*s) {
		size_t n = strspn(s, "0123456789abcdefABCDEF");
		if (n == 32 && !isalnum((unsigned char)s[32])) {
			for (unsigned i = 0; i < 32; i++)
				md5[i] = (char)tolower((unsigned char)s[i]);
			md5[32] = '\0';
			return true;
		}
		s += n;
		while (isalnum((unsigned char)*s))
			s++;
		while (*s && !isalnum((unsigned char)*s))
			s++;
	}
	return false;
}

static int check_md5(struct update *u, const char *url, const char *md5, struct tt_err *err) {
	char side[1100], body[SUM_MAX], expected[33];
	snprintf(side, sizeof(side), "%s.md5", url);
	int rc = fetch_text(&u->fetch, side, body, sizeof(body), err);
	if (rc)
		return rc;
	if (!find_md5(body, expected))
		return tt_err_set(
			err, -EBADMSG, "%s: holds no checksum, expected 32 hex digits", side);
	if (strcmp(md5, expected))
		return tt_err_set(err, -EBADMSG, "%s: its MD5 is %s, expected %s as %s says", url,
			md5, expected, side);
	return 0;
}

static void path_in(const char *dir, const char *registry, char path[PATH_MAX + 64]) {
	snprintf(path, PATH_MAX + 64, "%.*s/delegated-%.16s-latest", PATH_MAX - 1, dir, registry);
}

static int get(struct update *u, const json_t *file, struct tt_err *err) {
	const char *registry = text(file, "registry"), *url = text(file, "url");
	char path[PATH_MAX + 64], md5[33] = "";
	path_in(u->work, registry, path);
	struct progress *p = progress_start("teiten: fetching %s", url);
	int rc = fetch_file(&u->fetch, url, path, md5, err);
	if (!rc && json_is_true(json_object_get(file, "md5")))
		rc = check_md5(u, url, md5, err);
	if (!rc) {
		u->files[u->n].registry = registry;
		rc = tt_region_check(
			path, registry, u->files[u->n].date, &u->files[u->n].rows, err);
		// the file is gone when this is read: what counts is where it came from
		if (rc)
			tt_err_prefix(err, rc, "%s", url);
	}
	progress_stop(&p);
	u->n += rc == 0;
	return rc;
}

static void remove_folder(const char *dir) {
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int sync_folder(const char *dir) {
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}

static bool same_file(const char *a, const char *b) {
	char x[65], y[65];
	return !tt_file_sha256(a, x, NULL) && !tt_file_sha256(b, y, NULL) && !strcmp(x, y);
}

// Whether the set that is there already holds the same files.
static bool same_set(const struct update *u, const char *set) {
	for (unsigned i = 0; i < u->n; i++) {
		char a[PATH_MAX + 64], b[PATH_MAX + 64];
		path_in(u->work, u->files[i].registry, a);
		path_in(set, u->files[i].registry, b);
		if (!same_file(a, b))
			return false;
	}
	return true;
}

// The hidden folder takes its name, in one step also where a set of that name is there.
static int put_in_force(struct update *u, const char *set, struct tt_err *err) {
	bool there = access(set, F_OK) == 0;
	int rc = sync_folder(u->work);
	if (!rc && there)
		rc = renameat2(AT_FDCWD, u->work, AT_FDCWD, set, RENAME_EXCHANGE) ? -errno : 0;
	else if (!rc)
		rc = rename(u->work, set) ? -errno : 0;
	if (!rc)
		rc = sync_folder(u->dir);
	return rc ? tt_err_set(err, rc, "%s: %s", set, strerror(-rc)) : 0;
}

static void print_files(const struct update *u) {
	struct tt_grid *g = tt_grid_create(3);
	char buf[TT_SHOW_LEN], rows[TT_SHOW_LEN + 8];
	if (!g)
		return;
	tt_grid_left(g, 0);
	for (unsigned i = 0; i < u->n; i++) {
		tt_grid_add(g, u->files[i].registry);
		tt_grid_add(g, u->files[i].date);
		snprintf(rows, sizeof(rows), "%s rows", tt_show_count(u->files[i].rows, buf));
		tt_grid_add(g, rows);
	}
	tt_grid_print(g, stdout);
	tt_grid_destroy(&g);
}

static int update(struct update *u, struct tt_err *err) {
	const json_t *file;
	const char *date = "";
	char set[PATH_MAX];
	size_t i;
	int rc = 0;
	json_array_foreach(json_object_get(u->conf, "files"), i, file) {
		if ((rc = get(u, file, err)))
			return rc;
		if (strcmp(u->files[i].date, date) > 0)
			date = u->files[i].date;
	}
	if (!*date)
		return tt_err_set(err, -EBADMSG, "no file says its date, expected a version line");
	snprintf(set, sizeof(set), "%s/%s", u->dir, date);
	bool same = same_set(u, set);
	if (!same)
		rc = put_in_force(u, set, err);
	if (rc)
		return rc;
	print_files(u);
	printf("%s: %s\n", set, same ? "is there already" : "new set");
	return 0;
}

static int open_work(struct update *u, struct tt_err *err) {
	if (mkdir(u->dir, 0755) && errno != EEXIST)
		return tt_err_set(err, -errno, "%s: %s", u->dir, strerror(errno));
	snprintf(u->work, sizeof(u->work), "%s/.update-XXXXXX", u->dir);
	if (!mkdtemp(u->work))
		return tt_err_set(err, -errno, "%s: %s", u->dir, strerror(errno));
	return chmod(u->work, 0755) ? tt_err_set(err, -errno, "%s: %s", u->work, strerror(errno))
				    : 0;
}

static int read_conf(struct update *u, const struct args *a, struct tt_err *err) {
	static const char plain[] = "{\"kind\":\"regions\",\"v\":1}";
	const char *file = arg(a, "config"), *dir = arg(a, "rir"), *ca;
	int rc =
		file ? tt_conf_load(file, "regions", &u->conf, err)
		     : tt_conf_loads(plain, sizeof(plain) - 1, "regions", "regions", &u->conf, err);
	if (!rc && !file && !dir)
		rc = tt_err_set(err, -EINVAL, "option --rir or --config is missing");
	if (!rc && dir && snprintf(u->dir, sizeof(u->dir), "%s", dir) >= (int)sizeof(u->dir))
		rc = tt_err_set(err, -ENAMETOOLONG, "--rir: the path is too long");
	if (!rc && !dir)
		rc = tt_conf_path(file, text(u->conf, "directory"), u->dir, sizeof(u->dir), err);
	if (!rc && file && (ca = text(u->conf, "ca_file"))) {
		rc = tt_conf_path(file, ca, u->ca_file, sizeof(u->ca_file), err);
		u->fetch.ca_file = u->ca_file;
	}
	if (rc)
		return rc;
	u->fetch.timeout_s = (long)json_integer_value(json_object_get(u->conf, "timeout_s"));
	u->fetch.max = (uint64_t)json_integer_value(json_object_get(u->conf, "max_mb")) << 20;
	return 0;
}

int run_regions(const struct args *a) {
	struct update u = {0};
	struct tt_err err = {""};
	int status = DONE;
	if (strcmp(a->operands[0], "update"))
		return complain(USAGE, "regions: '%s', expected update", a->operands[0]);
	if (read_conf(&u, a, &err)) {
		status = complain(USAGE, "regions update: %s", err.msg);
	} else if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		status = complain(FAILED, "regions update: libcurl does not start");
	} else {
		int rc = open_work(&u, &err);
		if (!rc)
			rc = update(&u, &err);
		if (rc)
			status = complain(
				FAILED, "regions update: %s; %s stays as it was", err.msg, u.dir);
		if (u.work[0])
			remove_folder(u.work);
		curl_global_cleanup();
	}
	json_decref(u.conf);
	return status;
}
