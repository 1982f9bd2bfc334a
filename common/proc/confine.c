/*
 * Confinement: change root, resource limits, change account; proof that root cannot be had back; no new privileges, Landlock, seccomp.
 *
 * Any error is fatal to the caller.
 */
#include "common/proc/confine.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/proc/confine_calls.h"
#include "common/proc/confine_files.h"

static int
confine_root(const struct confinement *confinement)
{
	if (chroot(confinement->root) != 0 || chdir("/") != 0)
		return -errno;
	return 0;
}

static int
confine_account(const struct confinement *confinement)
{
	uid_t uid = confinement->account.uid;
	gid_t gid = confinement->account.gid;

	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

/* Every way back to root must fail. */
static int
confine_verify(const struct confinement *confinement)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setegid(0) == 0 || setgroups(0, NULL) == 0)
		return -EPERM;
	if (getresuid(&real, &effective, &saved) != 0 || getresgid(&real_group, &effective_group, &saved_group) != 0)
		return -errno;
	if (real != confinement->account.uid || effective != real || saved != real)
		return -EPERM;
	if (real_group != confinement->account.gid || effective_group != real_group || saved_group != real_group)
		return -EPERM;
	return 0;
}

static int
confine_limits(const struct confinement *confinement)
{
	struct rlimit none = { 0, 0 };
	struct rlimit files;

	if (setrlimit(RLIMIT_CORE, &none) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return -errno;
	files.rlim_cur = files.rlim_max;
	if (confinement->descriptors != 0 && confinement->descriptors < files.rlim_max)
		files.rlim_cur = files.rlim_max = confinement->descriptors;
	return setrlimit(RLIMIT_NOFILE, &files) == 0 ? 0 : -errno;
}

static int
confine_privileges(const struct confinement *confinement)
{
	(void)confinement;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
#ifndef WITH_SANITIZERS /* the leak checker reads its own memory as a tracer */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
#endif
	return 0;
}

static int
confine_reach(const struct confinement *confinement)
{
	int error = confine_files(confinement->directory, confinement->connects);

	/* A kernel without Landlock: the account and the changed root stand alone. */
	return error == -ENOSYS || error == -EOPNOTSUPP ? 0 : error;
}

static int
confine_role_calls(const struct confinement *confinement)
{
#ifdef WITH_SANITIZERS /* whose runtime makes calls that no role may make */
	(void)confinement;
	return 0;
#else
	return confine_calls(confinement->role);
#endif
}

int
confine(const struct confinement *confinement, const char **step_r)
{
	static const struct {
		const char *name;
		bool privileged;
		int (*take)(const struct confinement *);
	} steps[] = {
		{ "change root", true, confine_root },
		{ "resource limits", false, confine_limits },
		{ "change account", true, confine_account },
		{ "verify account", true, confine_verify },
		{ "no new privileges", false, confine_privileges },
		{ "Landlock", false, confine_reach },
		{ "seccomp", false, confine_role_calls },
	};

	tzset(); /* its file is out of reach afterwards, and gmtime_r(3) would still look for it */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int error;

		if (steps[i].privileged && !confinement->privileged)
			continue;
		error = steps[i].take(confinement);
		if (error != 0) {
			*step_r = steps[i].name;
			return error;
		}
	}
	return 0;
}
