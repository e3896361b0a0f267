/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void tt_privilege_start(void) {
	struct rlimit r;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

// glibc carries these over to all threads; from root to another user the kernel clears the
// permitted, effective and ambient capabilities (capabilities(7))
static int become(const char *user, uid_t uid, gid_t gid, struct tt_err *err) {
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return tt_err_set(err, -errno, "cannot become user %s: %s", user, strerror(errno));
	if (uid && (!setresuid(0, 0, 0) || !setresgid(0, 0, 0)))
		return tt_err_set(err, -EPERM, "user %s can become root again", user);
	return 0;
}

int tt_privilege_drop(const char *user, const char *group, struct tt_err *err) {
	if (!user && group)
		return tt_err_set(err, -EINVAL, "group %s: expected a user with it", group);
	if (!user)
		return 0;
	const struct passwd *p = getpwnam(user);
	if (!p)
		return tt_err_set(
			err, -EINVAL, "user %s: is not known here, expected a user", user);
	const struct group *g = group ? getgrnam(group) : NULL;
	if (group && !g)
		return tt_err_set(
			err, -EINVAL, "group %s: is not known here, expected a group", group);
	uid_t uid = p->pw_uid;
	gid_t gid = g ? g->gr_gid : p->pw_gid;
	if (geteuid() != 0)
		return geteuid() == uid ? 0
					: tt_err_set(err, -EPERM,
						  "cannot become user %s, expected to be started "
						  "by root or by that user",
						  user);
	return become(user, uid, gid, err);
}
