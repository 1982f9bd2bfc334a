/*
 * The system calls of the roles, side by side, and the filter that is made from them (seccomp(2), by libseccomp).
 *
 * A mark in a role's column allows the call. What no column has is refused to all: execve, ptrace, listen, kill, mount and
 * everything that this file does not name. A role that breaks its filter says so and ends.
 */
#include "common/proc/confine_calls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"

enum column {
	OTHER,    /* a role without a column, as tests have: what all others but the keepers have in common */
	OWNER,    /* tabled: the Berkeley DB environment */
	HASH,     /* tabled: one password at a time */
	QUEUE,    /* queued: the spool */
	SYNCER,   /* queued: descriptors that it is handed */
	SMTP,     /* smtpd: clients, and spool files that it is handed */
	DELIVER,  /* deliverd: the mail root */
	LOGIN,    /* pop3d: clients before they are authenticated */
	SESSION,  /* pop3d: clients and the mail root */
	RELAY,    /* relayd: connections to other hosts */
	RESOLVER, /* relayd: questions to name servers */
	KEEPER,   /* smtpd, pop3d: private keys, and one question at a time about them */
	COLUMNS,
};

static const struct {
	const char *role;
	enum column column;
} column_roles[] = {
	{ "tabled/owner", OWNER },    { "tabled/hash", HASH },         { "queued/queue", QUEUE },  { "queued/syncer", SYNCER },
	{ "smtpd/worker", SMTP },     { "deliverd/worker", DELIVER },  { "pop3d/login", LOGIN },   { "pop3d/session", SESSION },
	{ "relayd/worker", RELAY },   { "relayd/resolver", RESOLVER }, { "smtpd/keeper", KEEPER }, { "pop3d/keeper", KEEPER },
};

struct call {
	int number;
	const char *columns; /* one character a column, in the order above: '+' allowed, '.' not */
};

#define CALL(name, columns) { SCMP_SYS(name), columns }

static const struct call calls[] = {
	/*                        other
	 *                        |owner
	 *                        ||hash
	 *                        |||queue
	 *                        ||||syncer
	 *                        |||||smtp
	 *                        ||||||deliver
	 *                        |||||||login
	 *                        ||||||||session
	 *                        |||||||||relay
	 *                        ||||||||||resolver
	 *                        |||||||||||keeper */
	/* the loop, channels, the log */
	CALL(epoll_ctl,          "++++++++++++"),
	CALL(epoll_pwait,        "++++++++++++"),
	CALL(epoll_pwait2,       "++++++++++++"),
	CALL(epoll_wait,         "++++++++++++"),
	CALL(read,               "++++++++++++"),
	CALL(write,              "++++++++++++"),
	CALL(readv,              "+++++++++++."),
	CALL(writev,             "++++++++++++"),
	CALL(recvmsg,            "++++++++++++"),
	CALL(sendmsg,            "++++++++++++"),
	CALL(recvfrom,           "+++++++++++."),
	CALL(sendto,             "++++++++++++"),
	CALL(close,              "++++++++++++"),
	CALL(fcntl,              "++++++++++++"),
	CALL(timerfd_settime,    "+++++++++++."),
	/* memory; mmap and mprotect without execution, see below */
	CALL(brk,                "++++++++++++"),
	CALL(munmap,             "++++++++++++"),
	CALL(mremap,             "++++++++++++"),
	CALL(madvise,            "++++++++++++"),
	/* time, randomness, ourselves */
	CALL(clock_gettime,      "++++++++++++"),
	CALL(clock_getres,       "+++++++++++."),
	CALL(clock_nanosleep,    "+++++++++++."),
	CALL(gettimeofday,       "++++++++++++"),
	CALL(time,               "++++++++++++"),
	CALL(getrandom,          "++++++++++++"),
	CALL(getpid,             "++++++++++++"),
	CALL(gettid,             "+++++++++++."),
	CALL(geteuid,            "+++++++++++."),
	CALL(getuid,             "+++++++++++."),
	CALL(getegid,            "+++++++++++."),
	CALL(getgid,             "+++++++++++."),
	CALL(uname,              "++++++++++++"), /* the host's own name, when the configuration is read again */
	CALL(sysinfo,            "+++++++++++."), /* qsort of more than 1 KiB asks how much memory there is */
	CALL(sched_yield,        "+++++++++++."),
	CALL(sched_getaffinity,  "++++++++++++"), /* how many processors */
	CALL(futex,              "++++++++++++"),
	CALL(restart_syscall,    "++++++++++++"),
	CALL(rt_sigreturn,       "++++++++++++"),
	CALL(rt_sigprocmask,     "++++++++++++"),
	CALL(exit,               "++++++++++++"),
	CALL(exit_group,         "++++++++++++"),
	/* a second thread of one's own; clone is for threads only, see below */
	CALL(eventfd2,           ".+..+.+....."),
	CALL(pipe2,              ".+..+.+....."),
	CALL(set_robust_list,    ".+..+.+.+..."),
	CALL(rseq,               ".+..+.+.+..."),
	/* clients, and peers of the suite */
	CALL(accept4,            ".+.+.+.+...."),
	CALL(getsockopt,         ".+.+.+.++++."),
	CALL(socketpair,         ".......+...."), /* TLS stays where it is, see pop3d/relay.h */
	CALL(setsockopt,         ".....+.++++."),
	CALL(shutdown,           ".....+.++++."),
	CALL(getpeername,        ".....+.++++."),
	CALL(getsockname,        ".....+.++++."),
	CALL(connect,            ".........++."), /* and socket, see below */
	CALL(bind,               "..........+."), /* a port of its own for each question; those of services are out of its account's reach */
	/* descriptors of files that were handed over */
	CALL(fstat,              ".+.++++.+++."),
	CALL(newfstatat,         ".+.++++.+++."),
	CALL(statx,              ".+.++++.+..."),
	CALL(lseek,              ".+.++++.+++."),
	CALL(pread64,            ".+.+.++.+++."),
	CALL(pwrite64,           ".+.++++....."),
	CALL(pwritev,            "...+..+....."),
	CALL(preadv,             "...+..+....."),
	CALL(ftruncate,          ".+.+.++....."),
	CALL(fsync,              ".+.++.+.+..."),
	CALL(fdatasync,          ".+.++.+.+..."),
	CALL(syncfs,             "....+.+....."),
	CALL(sync_file_range,    "....+.+....."),
	CALL(fadvise64,          ".+.+..+.+..."),
	/* files of one's own directory */
	CALL(open,               ".+.+..+.+..."),
	CALL(openat,             ".+.+..+.+..."),
	CALL(openat2,            "...+..+.+..."),
	CALL(getdents64,         ".+.+..+.+..."),
	CALL(stat,               ".+.........."),
	CALL(lstat,              ".+.........."),
	CALL(access,             ".+.........."),
	CALL(faccessat,          "...+..+.+..."),
	CALL(mkdir,              ".+.........."),
	CALL(mkdirat,            "...+..+.+..."),
	CALL(unlink,             ".+.........."),
	CALL(unlinkat,           "...+..+.+..."),
	CALL(rename,             ".+.........."),
	CALL(renameat,           "...+..+.+..."),
	CALL(renameat2,          "...+..+.+..."),
	CALL(linkat,             "...+..+....."),
	CALL(chmod,              ".+.........."),
	CALL(fchmod,             ".+.+..+....."),
	CALL(utimensat,          "......+....."),
	CALL(fallocate,          ".+.+..+....."),
	CALL(copy_file_range,    "...+..+....."),
	CALL(sendfile,           "......+.+..."),
	CALL(flock,              ".+.+....+..."),
	CALL(fstatfs,            ".+.+..+....."),
	CALL(statfs,             ".+.+..+....."),
	CALL(getcwd,             ".+.........."),
	CALL(umask,              ".+.........."),
	CALL(pselect6,           ".+.........."), /* Berkeley DB sleeps by select */
	CALL(select,             ".+.........."),
	CALL(prlimit64,          ".+..+.+....."), /* the size of a thread's stack */
};

/* For the signal handler, which may take nothing from the heap. */
static const char *confined_role = "";

static int
column_of(const char *role)
{
	for (size_t i = 0; i < sizeof(column_roles) / sizeof(column_roles[0]); i++)
		if (strcmp(column_roles[i].role, role) == 0)
			return (int)column_roles[i].column;
	return OTHER;
}

/* Runs in place of the refused call. What an intruder may have done to the log does not matter: the process ends here. */
static void
on_violation(int number, siginfo_t *info, void *context)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);

	(void)number;
	(void)context;
	log_event(LOG_CRIT, "confine.violation", LOG_STRING("confined", confined_role), LOG_INT("syscall", info->si_syscall),
	          LOG_STRING("name", name == NULL ? "?" : name));
	log_flush();
	_exit(128 + SIGSYS);
}

static int
watch_violations(const char *role)
{
	struct sigaction action = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO };

	confined_role = role;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGSYS, &action, NULL) == 0 ? 0 : -errno;
}

/* Memory is never writable first and executable then: PROT_EXEC is refused. */
static int
allow_memory(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp no_execution = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_execution);

	return error != 0 ? error : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_execution);
}

/* Sockets of the Internet alone, and of the kinds that the role's work needs. */
static int
allow_sockets(scmp_filter_ctx filter, int kind)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct scmp_arg_cmp kind_only = SCMP_A1(SCMP_CMP_MASKED_EQ, ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), (uint64_t)kind);
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
		                         SCMP_A0(SCMP_CMP_EQ, (uint64_t)families[i], 0), kind_only);
	return error;
}

/*
 * A role with a second thread starts it by clone: clone3, whose flags a filter cannot see, does as if the kernel did not have it,
 * and the C library then falls back on clone.
 */
static int
allow_threads(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
	/* The C library's own signals, below SIGRTMIN: it takes them with the first thread. */
	struct scmp_arg_cmp library_signal = SCMP_A0(SCMP_CMP_MASKED_EQ, ~UINT64_C(1), 32);
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
	return error != 0 ? error : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, library_signal);
}

int
confine_calls(const char *role)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int column = column_of(role);
	int error = filter == NULL ? -ENOMEM : watch_violations(role);

	for (size_t i = 0; error == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].columns[column] == '+')
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i].number, 0);
	if (error == 0)
		error = allow_memory(filter);
	if (error == 0 && (column == RELAY || column == RESOLVER))
		error = allow_sockets(filter, SOCK_STREAM);
	if (error == 0 && column == RESOLVER)
		error = allow_sockets(filter, SOCK_DGRAM);
	if (error == 0 && (column == OWNER || column == SYNCER || column == DELIVER || column == SESSION))
		error = allow_threads(filter);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
