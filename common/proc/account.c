/*
 * The accounts that roles run as, by name or by number.
 */
#include "common/proc/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <unistd.h>

#include "common/base/slice.h"

static int
account_by_number(struct slice spec, struct account *account_r)
{
	size_t colon = slice_find(spec, ':');
	uint64_t uid;
	uint64_t gid;

	if (slice_to_number(slice_first(spec, colon), INT32_MAX, &uid) != 0)
		return -EINVAL;
	gid = uid;
	if (colon < spec.length && slice_to_number(slice_from(spec, colon + 1), INT32_MAX, &gid) != 0)
		return -EINVAL;
	*account_r = (struct account){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	return 0;
}

int
account_find(const char *spec, struct account *account_r)
{
	struct passwd *entry;
	struct account found;

	if (account_by_number(slice_from_string(spec), &found) != 0) {
		errno = 0;
		entry = getpwnam(spec);
		if (entry == NULL)
			return errno == 0 ? -ENOENT : -errno;
		found = (struct account){ .uid = entry->pw_uid, .gid = entry->pw_gid };
	}
	if (found.uid == 0 || found.gid == 0)
		return -EINVAL;
	*account_r = found;
	return 0;
}

bool
account_privileged(void)
{
	return geteuid() == 0;
}
