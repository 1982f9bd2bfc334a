/*
 * The parent and its roles, with a small real service (probe_service.c) in real processes.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "t/unit/unit.h"

enum { DEADLINE_MS = 20000, OUTPUT_MAX = 64 * 1024 };

struct run {
	pid_t pid;
	int output;
	char text[OUTPUT_MAX]; /* what was read and not yet passed over */
	size_t length;
};

static char directory[200];
static char config_path[256];
static struct run first;

static void
start(struct run *run, const char *config)
{
	int ends[2];

	memset(run, 0, sizeof(*run));
	ck_assert_int_eq(pipe(ends), 0);
	run->pid = fork();
	ck_assert_int_ge(run->pid, 0);
	if (run->pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl(PROBE_SERVICE, "probe", "-c", config, NULL);
		_exit(127);
	}
	close(ends[1]);
	run->output = ends[0];
}

/* Reads until TEXT has come, and passes over it. Returns what follows it in the same line. */
static const char *
await(struct run *run, const char *text)
{
	static char rest[256];

	for (;;) {
		char *found = strstr(run->text, text);
		struct pollfd ready = { .fd = run->output, .events = POLLIN };
		ssize_t got;

		if (found != NULL && strchr(found, '\n') != NULL) {
			char *end = strchr(found, '\n');

			found += strlen(text);
			snprintf(rest, sizeof(rest), "%.*s", (int)(end - found), found);
			run->length -= (size_t)(end + 1 - run->text);
			memmove(run->text, end + 1, run->length + 1);
			return rest;
		}
		ck_assert_msg(poll(&ready, 1, DEADLINE_MS) == 1, "no \"%s\" in: %s", text, run->text);
		got = read(run->output, run->text + run->length, sizeof(run->text) - run->length - 1);
		ck_assert_msg(got > 0, "ended without \"%s\": %s", text, run->text);
		run->length += (size_t)got;
		run->text[run->length] = '\0';
	}
}

static pid_t
pid_after(struct run *run, const char *text)
{
	const char *rest = strstr(await(run, text), "pid=");

	ck_assert_ptr_nonnull(rest);
	return (pid_t)strtol(rest + 4, NULL, 10);
}

static int
finish(struct run *run)
{
	int status;

	ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
	close(run->output);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
setup(void)
{
	FILE *file;
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/angarium-test-XXXXXX", base == NULL ? "/tmp" : base);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	chmod(directory, 0755);
	snprintf(config_path, sizeof(config_path), "%s/conf", directory);
	file = fopen(config_path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "hostname probe.example\nrun_directory %s/run\naccount_smtp 64199\nrelay_ca_file %s/file\nrole_timeout 3s\n", directory, directory);
	fclose(file);
	start(&first, config_path);
}

static void
teardown(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/run/empty", directory);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/run", directory);
	ck_assert_msg(rmdir(path) == 0, "the run directory is not empty after the end");
	snprintf(path, sizeof(path), "%s/file", directory);
	unlink(path);
	unlink(config_path);
	rmdir(directory);
}

static void
stop_first(void)
{
	kill(first.pid, SIGTERM);
	ck_assert_int_eq(finish(&first), 0);
}

START_TEST(roles_start_in_order_and_reach_each_other)
{
	pid_after(&first, "event=probe.front");
	await(&first, "event=service.ready");
	await(&first, "event=probe.pong");
	stop_first();
}
END_TEST

static void
write_file(const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/file", directory);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* for the parent's eyes only */
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(a_role_is_given_files_that_it_may_not_open_and_again_on_reload)
{
	const char *text = await(&first, "event=probe.file");

	ck_assert_ptr_nonnull(strstr(text, "text=none"));
	await(&first, "event=service.ready");
	write_file("before");
	kill(first.pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(await(&first, "event=probe.file"), "text=before"));
	write_file("after");
	kill(first.pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(await(&first, "event=probe.file"), "text=after"));
	stop_first();
}
END_TEST

START_TEST(a_killed_role_is_started_again_and_found_again)
{
	pid_t before = pid_after(&first, "event=probe.pong");
	pid_t after;

	kill(before, SIGKILL);
	after = pid_after(&first, "event=probe.pong");
	ck_assert_int_ne(before, after);
	stop_first();
}
END_TEST

START_TEST(a_role_that_hangs_is_killed_and_started_again)
{
	pid_t before = pid_after(&first, "event=probe.pong");

	kill(before, SIGSTOP);
	ck_assert_int_eq(pid_after(&first, "event=role.hung"), before);
	ck_assert_int_ne(pid_after(&first, "event=probe.pong"), before);
	stop_first();
}
END_TEST

START_TEST(a_role_that_is_asked_for_in_the_moment_of_its_death_is_refused)
{
	pid_t before = pid_after(&first, "event=probe.pong");

	/* The parent finds the end of the one, the question of the other, and then the signal, in this order. */
	kill(first.pid, SIGSTOP);
	kill(before, SIGKILL);
	await(&first, "event=probe.asked");
	kill(first.pid, SIGCONT);
	pid_after(&first, "event=probe.pong");
	stop_first();
}
END_TEST

START_TEST(a_second_instance_is_refused)
{
	struct run second;

	await(&first, "event=service.ready");
	start(&second, config_path);
	await(&second, "probe: another probe (process ");
	ck_assert_int_eq(finish(&second), EX_TEMPFAIL);
	stop_first();
}
END_TEST

START_TEST(roles_end_with_their_parent_and_a_new_one_takes_over)
{
	int status;

	await(&first, "event=service.ready");
	kill(first.pid, SIGKILL);
	waitpid(first.pid, &status, 0);
	start(&first, config_path);
	await(&first, "event=probe.pong");
	stop_first();
}
END_TEST

START_TEST(roles_do_not_keep_the_account_of_root)
{
	const char *rest = strstr(await(&first, "event=probe.front"), " uid=");

	ck_assert_ptr_nonnull(rest);
	if (geteuid() == 0)
		ck_assert_int_eq(strtol(rest + 5, NULL, 10), 64199);
	await(&first, "event=service.ready");
	stop_first();
}
END_TEST

START_TEST(a_reload_with_a_mistake_keeps_the_old_configuration)
{
	FILE *file;

	await(&first, "event=service.ready");
	file = fopen(config_path, "a");
	ck_assert_ptr_nonnull(file);
	fputs("hostnam x\n", file);
	fclose(file);
	kill(first.pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(await(&first, "event=config.refused"), "did you mean"));
	stop_first();
}
END_TEST

UNIT_MAIN_WITH("service", setup, teardown,
	roles_start_in_order_and_reach_each_other,
	a_role_is_given_files_that_it_may_not_open_and_again_on_reload,
	a_killed_role_is_started_again_and_found_again,
	a_role_that_hangs_is_killed_and_started_again,
	a_role_that_is_asked_for_in_the_moment_of_its_death_is_refused,
	a_second_instance_is_refused,
	roles_end_with_their_parent_and_a_new_one_takes_over,
	roles_do_not_keep_the_account_of_root,
	a_reload_with_a_mistake_keeps_the_old_configuration)
