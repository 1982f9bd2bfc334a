/*
 * common/mail/maildir.h: names, folders, and directories that no symbolic link may lead out of.
 */
#include "common/mail/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t/unit/unit.h"

static char directory[64];
static int root = -1;

static void
make_directory(void)
{
	strlcpy(directory, "/tmp/test_maildir.XXXXXX", sizeof(directory));
	ck_assert_ptr_nonnull(mkdtemp(directory));
	root = open(directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(root, 0);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
remove_directory(void)
{
	close(root);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool
exists(const char *path)
{
	return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
assert_slice(struct slice s, const char *expected)
{
	ck_assert_msg(slice_equal(s, slice_from_string(expected)), "%.*s is not %s", (int)s.length, s.data, expected);
}

START_TEST(a_name_is_taken_apart)
{
	struct maildir_name name;

	ck_assert(maildir_name_parse(SLICE("1700000000.M12P34Q5.host,S=4321,W=4400:2,FS"), &name));
	assert_slice(name.base, "1700000000.M12P34Q5.host,S=4321,W=4400");
	assert_slice(name.unique, "1700000000.M12P34Q5.host");
	assert_slice(name.flags, "FS");
	ck_assert(name.has_size);
	ck_assert_uint_eq(name.size, 4321);
	ck_assert(name.has_wire_size);
	ck_assert_uint_eq(name.wire_size, 4400);
}
END_TEST

START_TEST(a_foreign_name_without_sizes_is_a_message_too)
{
	struct maildir_name name;

	ck_assert(maildir_name_parse(SLICE("cur-1"), &name));
	assert_slice(name.base, "cur-1");
	assert_slice(name.unique, "cur-1");
	assert_slice(name.flags, "");
	ck_assert(!name.has_size);
	ck_assert(!name.has_wire_size);
	ck_assert(maildir_name_parse(SLICE("a:1,experimental"), &name));
	assert_slice(name.base, "a");
	assert_slice(name.flags, "");
}
END_TEST

START_TEST(a_size_that_is_no_number_or_stands_twice_is_absent)
{
	struct maildir_name name;

	ck_assert(maildir_name_parse(SLICE("a,S=12x,W=:2,"), &name));
	ck_assert(!name.has_size);
	ck_assert(!name.has_wire_size);
	ck_assert(maildir_name_parse(SLICE("a,S=1,S=2"), &name));
	ck_assert(!name.has_size);
	ck_assert(maildir_name_parse(SLICE("a,S=99999999999999999999"), &name));
	ck_assert(!name.has_size);
}
END_TEST

START_TEST(what_is_no_message_is_not_taken_for_one)
{
	static const char *const names[] = { "", ".", "..", ".hidden", "a/b", "a\nb", ",S=12", ":2,S" };
	struct maildir_name name;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(!maildir_name_parse(slice_from_string(names[i]), &name), "%s", names[i]);
}
END_TEST

START_TEST(what_is_built_is_parsed_back)
{
	char host[MAILDIR_HOST_SIZE];
	char unique[MAILDIR_NAME_SIZE];
	char sized[MAILDIR_NAME_SIZE];
	char flagged[MAILDIR_NAME_SIZE + 8];
	struct maildir_name name;

	maildir_host("mail.example.org", host);
	maildir_name_unique(unique, 1700000000000042, 77, 3, host);
	ck_assert_str_eq(unique, "1700000000.M42P77Q3.mail.example.org");
	maildir_name_sized(sized, unique, 10, 12);
	ck_assert_str_eq(sized, "1700000000.M42P77Q3.mail.example.org,S=10,W=12");
	snprintf(flagged, sizeof(flagged), "%s:2,FRS", sized);
	ck_assert(maildir_name_parse(slice_from_string(flagged), &name));
	assert_slice(name.base, sized);
	assert_slice(name.unique, unique);
	assert_slice(name.flags, "FRS");
}
END_TEST

START_TEST(the_longest_name_keeps_its_sizes)
{
	char hostname[300];
	char host[MAILDIR_HOST_SIZE];
	char unique[MAILDIR_NAME_SIZE];
	char sized[MAILDIR_NAME_SIZE];
	struct maildir_name name;

	memset(hostname, 'h', sizeof(hostname) - 1);
	hostname[sizeof(hostname) - 1] = '\0';
	maildir_host(hostname, host);
	ck_assert_uint_eq(strlen(host), MAILDIR_HOST_SIZE - 1);
	maildir_name_unique(unique, INT64_MAX, 2147483647, UINT64_MAX, host);
	maildir_name_sized(sized, unique, UINT64_MAX, UINT64_MAX);
	ck_assert(maildir_name_parse(slice_from_string(sized), &name));
	ck_assert(name.has_wire_size);
	ck_assert_uint_eq(name.wire_size, UINT64_MAX);
}
END_TEST

START_TEST(slashes_and_colons_of_the_host_are_escaped)
{
	char host[MAILDIR_HOST_SIZE];

	maildir_host("a/b:c,d e", host);
	ck_assert_str_eq(host, "a\\057b\\072c\\054d\\040e");
}
END_TEST

START_TEST(only_a_path_below_the_root_is_a_mailbox_path)
{
	static const char *const bad[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "a/./b", "a\nb", "1/2/3/4/5/6/7/8/9",
	};
	static const char *const good[] = { "a", "example.org/alice", "a/...", "a/.b", "1/2/3/4/5/6/7/8", "a/b c", "a/\303\244" };
	char longest[MAILDIR_PATH_SIZE + 1];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(maildir_path_check(slice_from_string(bad[i])) == -EINVAL, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(maildir_path_check(slice_from_string(good[i])) == 0, "%s", good[i]);
	ck_assert_int_eq(maildir_path_check(SLICE("a\0b")), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(maildir_path_check(slice_of(longest, 255)), 0);
	ck_assert_int_eq(maildir_path_check(slice_of(longest, 256)), -EINVAL);
	longest[255] = '/';
	ck_assert_int_eq(maildir_path_check(slice_of(longest, MAILDIR_PATH_SIZE - 1)), 0);
	ck_assert_int_eq(maildir_path_check(slice_of(longest, MAILDIR_PATH_SIZE)), -EINVAL);
}
END_TEST

START_TEST(a_folder_has_the_directory_that_other_programs_expect)
{
	static const struct {
		const char *folder;
		const char *directory;
	} cases[] = {
		{ "", "" },
		{ "inbox", "" },
		{ "Junk", ".Junk" },
		{ "A.B", ".A.B" },
		{ "A/B", ".A.B" },
		{ "Sent Items", ".Sent Items" },
		{ "Tom & Jerry", ".Tom &- Jerry" },
		{ "Entw\303\274rfe", ".Entw&APw-rfe" },
		{ "\345\217\260\345\214\227", ".&U,BTFw-" },           /* from RFC 3501 5.1.3 */
		{ "\346\227\245\346\234\254\350\252\236", ".&ZeVnLIqe-" }, /* likewise */
		{ "\360\237\230\200", ".&2D3eAA-" },
		{ "\303\244.\303\266", ".&AOQ-.&APY-" },
	};
	char out[MAILDIR_FOLDER_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(maildir_folder_directory(slice_from_string(cases[i].folder), out), 0);
		ck_assert_str_eq(out, cases[i].directory);
	}
}
END_TEST

START_TEST(a_folder_name_cannot_leave_its_mailbox)
{
	static const char *const bad[] = { ".", "..", "../x", "/x", "x/", "a..b", "a//b", "a/../b", "a\nb", "\377", "\300\257", "a\177" };
	char out[MAILDIR_FOLDER_SIZE];
	char longest[MAILDIR_FOLDER_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(maildir_folder_directory(slice_from_string(bad[i]), out) == -EINVAL, "%s", bad[i]);
		ck_assert_str_eq(out, "");
	}
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(maildir_folder_directory(slice_of(longest, MAILDIR_FOLDER_SIZE - 2), out), 0);
	ck_assert_uint_eq(strlen(out), MAILDIR_FOLDER_SIZE - 1);
	ck_assert_int_eq(maildir_folder_directory(slice_of(longest, MAILDIR_FOLDER_SIZE - 1), out), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_missing_mailbox_is_made_whole)
{
	static const char *const made_paths[] = {
		"example.org/alice/tmp", "example.org/alice/new", "example.org/alice/cur", "example.org/alice/.A.B/tmp",
		"example.org/alice/.A.B/new", "example.org/alice/.A.B/cur", "example.org/alice/.A.B/maildirfolder",
	};
	struct stat status;
	bool made;

	ck_assert_int_eq(maildir_make(root, "example.org/alice", ".A.B", &made), 0);
	ck_assert(made);
	for (size_t i = 0; i < sizeof(made_paths) / sizeof(made_paths[0]); i++)
		ck_assert_msg(exists(made_paths[i]), "%s", made_paths[i]);
	ck_assert_int_eq(fstatat(root, "example.org/alice/new", &status, 0), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
	ck_assert_int_eq(maildir_make(root, "example.org/alice", ".A.B", &made), 0);
	ck_assert(!made);
}
END_TEST

START_TEST(a_mailbox_that_is_half_made_is_completed)
{
	bool made;

	ck_assert_int_eq(maildir_make(root, "a", "", &made), 0);
	ck_assert_int_eq(unlinkat(root, "a/new", AT_REMOVEDIR), 0);
	ck_assert_int_eq(maildir_make(root, "a", "", &made), 0);
	ck_assert(made);
	ck_assert(exists("a/new"));
}
END_TEST

START_TEST(a_symbolic_link_is_never_followed)
{
	bool made;

	ck_assert_int_eq(maildir_make(root, "a", "", &made), 0);
	ck_assert_int_eq(unlinkat(root, "a/new", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("/etc", root, "a/new"), 0);
	ck_assert_int_lt(maildir_open_directory(root, "a/new", O_RDONLY), 0);
	ck_assert_int_lt(maildir_make(root, "a", "", &made), 0);
	ck_assert_int_eq(symlinkat("a", root, "link"), 0);
	ck_assert_int_lt(maildir_open_directory(root, "link/tmp", O_RDONLY), 0);
	ck_assert_int_lt(maildir_make(root, "link", "", &made), 0);
	ck_assert_int_eq(symlinkat("/tmp", root, "a/.Folder"), 0);
	ck_assert_int_lt(maildir_make(root, "a", ".Folder", &made), 0);
	ck_assert_int_lt(maildir_open_directory(root, "../tmp", O_RDONLY), 0);
	ck_assert_int_lt(maildir_open_directory(root, "/tmp", O_RDONLY), 0);
}
END_TEST

/* As on a kernel before 5.6. Holds for this test's process only. */
static void
forbid_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(without_openat2_links_are_not_followed_either)
{
	bool made;
	int fd;

	forbid_openat2();
	ck_assert_int_eq(maildir_make(root, "a/b", "", &made), 0);
	ck_assert_int_eq(symlinkat("a", root, "link"), 0);
	ck_assert_int_eq(symlinkat("/etc", root, "a/b/.Folder"), 0);
	fd = maildir_open_directory(root, "a/b/new", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_lt(maildir_open_directory(root, "link/b/new", O_RDONLY), 0);
	ck_assert_int_lt(maildir_open_directory(root, "a/b/.Folder", O_RDONLY), 0);
	ck_assert_int_lt(maildir_open_directory(root, "a/../../tmp", O_RDONLY), 0);
	ck_assert_int_lt(maildir_open_directory(root, "/tmp", O_RDONLY), 0);
	ck_assert_int_eq(maildir_open_directory(root, "a/c", O_RDONLY), -ENOENT);
}
END_TEST

START_TEST(a_directory_opens_by_its_path)
{
	bool made;
	int fd;

	ck_assert_int_eq(maildir_make(root, "a/b", "", &made), 0);
	fd = maildir_open_directory(root, "a/b/new", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	ck_assert_int_eq(maildir_open_directory(root, "a/c/new", O_RDONLY), -ENOENT);
}
END_TEST

UNIT_MAIN_WITH("maildir", make_directory, remove_directory,
	a_name_is_taken_apart,
	a_foreign_name_without_sizes_is_a_message_too,
	a_size_that_is_no_number_or_stands_twice_is_absent,
	what_is_no_message_is_not_taken_for_one,
	what_is_built_is_parsed_back,
	the_longest_name_keeps_its_sizes,
	slashes_and_colons_of_the_host_are_escaped,
	only_a_path_below_the_root_is_a_mailbox_path,
	a_folder_has_the_directory_that_other_programs_expect,
	a_folder_name_cannot_leave_its_mailbox,
	a_missing_mailbox_is_made_whole,
	a_mailbox_that_is_half_made_is_completed,
	a_symbolic_link_is_never_followed,
	without_openat2_links_are_not_followed_either,
	a_directory_opens_by_its_path)
