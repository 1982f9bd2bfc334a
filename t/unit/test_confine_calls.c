/*
 * What is logged when a role makes a system call that it may not make.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/thread.h"
#include "common/proc/confine_calls.h"

static void
run_shell(void)
{
	execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
}

static void
open_file(void)
{
	(void)!open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void
trace_another(void)
{
	ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static void
open_unix_socket(void)
{
	(void)!socket(AF_UNIX, SOCK_STREAM, 0);
}

static void
run_code(void)
{
	(void)!syscall(SYS_mprotect, (unsigned long)&run_code & ~0xfffUL, 4096UL, 4UL); /* PROT_EXEC */
}

static void
sleep_well(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL);
}

static void *
run_thread(void *context)
{
	(void)context;
	trace_another();
	return NULL;
}

static void
trace_another_from_a_thread(void)
{
	pthread_t thread;

	if (thread_start(&thread, run_thread, NULL) == 0)
		pthread_join(thread, NULL);
}

static const struct {
	const char *role;
	void (*break_out)(void);
	const char *name;
} violations[] = {
	{ "tabled/owner", run_shell, "execve" },
	{ "tabled/hash", open_file, "openat" },
	{ "queued/queue", trace_another, "ptrace" },
	{ "queued/syncer", run_shell, "execve" },
	{ "smtpd/worker", open_file, "openat" },
	{ "smtpd/keeper", open_file, "openat" },
	{ "smtpd/keeper", sleep_well, "clock_nanosleep" }, /* the keepers' own column, which is shorter than what others have in common */
	{ "pop3d/keeper", sleep_well, "clock_nanosleep" },
	{ "deliverd/worker", open_unix_socket, "socket" },
	{ "relayd/worker", open_unix_socket, "socket" },
	{ "relayd/resolver", open_unix_socket, "socket" },
	{ "pop3d/login", run_code, "mprotect" },
	{ "pop3d/session", trace_another, "ptrace" },
	{ "tabled/owner", trace_another_from_a_thread, "ptrace" },
	{ "queued/syncer", trace_another_from_a_thread, "ptrace" },
	{ "deliverd/worker", trace_another_from_a_thread, "ptrace" },
	{ "pop3d/session", trace_another_from_a_thread, "ptrace" },
};

/* In a process of its own, whose log goes to FD. */
static void
be_role(size_t i, int fd)
{
	char *role = strdup(violations[i].role), *slash = strchr(role, '/');

	*slash = '\0';
	dup2(fd, STDERR_FILENO);
	log_open(role, slash + 1, LOG_TO_STDERR, -1);
	log_set_gather(true); /* as in a role: the line must not stay behind */
	if (confine_calls(violations[i].role) == 0)
		violations[i].break_out();
	_exit(0);
}

START_TEST(a_role_that_breaks_its_filter_is_logged_with_role_and_call_and_ends)
{
	char said[4096], confined[128], name[64];
	size_t used = 0;
	ssize_t got;
	int pair[2], status;
	pid_t child;

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		be_role((size_t)_i, pair[1]);
	close(pair[1]);
	while (used < sizeof(said) - 1 && (got = read(pair[0], said + used, sizeof(said) - 1 - used)) > 0)
		used += (size_t)got;
	said[used] = '\0';
	close(pair[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGSYS, "%s: status %d: %s", violations[_i].role, status, said);
	snprintf(confined, sizeof(confined), " confined=%s ", violations[_i].role);
	snprintf(name, sizeof(name), " name=%s\n", violations[_i].name);
	ck_assert_msg(strstr(said, "event=confine.violation ") != NULL, "%s", said);
	ck_assert_msg(strstr(said, confined) != NULL, "%s", said);
	ck_assert_msg(strstr(said, name) != NULL, "%s", said);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("confine_calls");
	TCase *all = tcase_create("violations");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(all, a_role_that_breaks_its_filter_is_logged_with_role_and_call_and_ends, 0,
	                    (int)(sizeof(violations) / sizeof(violations[0])));
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
