/*
 * Landlock rules, by the system calls themselves: the C library has no wrappers, and its headers may be older than the kernel.
 *
 * The numbers below are the kernel's ABI (include/uapi/linux/landlock.h); each is used only when the kernel's ABI version has it.
 */
#include "common/proc/confine_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	RULESET_VERSION = 1 << 0, /* flag: ask for the ABI version */
	RULE_PATH_BENEATH = 1,
};

/* Rights to files, in the order of their bits. */
#define FILE_EXECUTE (UINT64_C(1) << 0)
#define FILE_MAKE_CHAR (UINT64_C(1) << 6)
#define FILE_MAKE_SOCK (UINT64_C(1) << 9)
#define FILE_MAKE_FIFO (UINT64_C(1) << 10)
#define FILE_MAKE_BLOCK (UINT64_C(1) << 11)
#define FILE_MAKE_SYM (UINT64_C(1) << 12)
#define FILE_IOCTL_DEV (UINT64_C(1) << 15)
#define FILE_FIRST_ABI ((UINT64_C(1) << 13) - 1) /* all of ABI 1 */
#define FILE_REFER (UINT64_C(1) << 13)           /* ABI 2 */
#define FILE_TRUNCATE (UINT64_C(1) << 14)        /* ABI 3 */
#define NET_BIND_TCP (UINT64_C(1) << 0)          /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* No role makes devices, sockets, FIFOs or links out of its directory, or executes. */
#define FILE_NEVER                                                                                                    \
	(FILE_EXECUTE | FILE_MAKE_CHAR | FILE_MAKE_SOCK | FILE_MAKE_FIFO | FILE_MAKE_BLOCK | FILE_MAKE_SYM | FILE_IOCTL_DEV)

struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What of the rules this kernel knows, and the size of the structure that it takes. */
static struct ruleset
ruleset_for(long version, bool may_connect, size_t *size_r)
{
	struct ruleset ruleset = { .files = FILE_FIRST_ABI };

	*size_r = sizeof(ruleset.files);
	if (version >= 2)
		ruleset.files |= FILE_REFER;
	if (version >= 3)
		ruleset.files |= FILE_TRUNCATE;
	if (version >= 4) {
		ruleset.network = NET_BIND_TCP | (may_connect ? 0 : NET_CONNECT_TCP);
		*size_r = offsetof(struct ruleset, scoped);
	}
	if (version >= 5)
		ruleset.files |= FILE_IOCTL_DEV;
	if (version >= 6) {
		ruleset.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
		*size_r = sizeof(ruleset);
	}
	return ruleset;
}

static int
allow_beneath(int rules, const char *directory, uint64_t allowed)
{
	struct path_rule rule = { .allowed = allowed, .parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	int error = 0;

	if (rule.parent < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) != 0)
		error = -errno;
	close(rule.parent);
	return error;
}

int
confine_files(const char *directory, bool may_connect)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);
	struct ruleset ruleset;
	size_t size;
	int error = 0;
	int rules;

	if (version < 0)
		return -errno;
	ruleset = ruleset_for(version, may_connect, &size);
	rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (rules < 0)
		return -errno;
	if (directory != NULL)
		error = allow_beneath(rules, directory, ruleset.files & ~FILE_NEVER);
	if (error == 0 && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		error = -errno;
	close(rules);
	return error;
}
