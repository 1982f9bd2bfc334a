/*
 * What an intruder tries. Each function makes the system call itself, so that no library is in the way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/intruder/intruder.h"

static int
outcome(long result)
{
	return result < 0 ? errno : 0;
}

static int
try_open(const char *path, int flags)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return outcome(fd);
}

static int
try_open_in(const char *directory, const char *name, int flags)
{
	char path[CONFIG_PATH_MAX * 2];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return try_open(path, flags);
}

static int
try_socket(int family, int type, int protocol)
{
	int fd = (int)syscall(SYS_socket, family, type, protocol);

	if (fd >= 0)
		close(fd);
	return outcome(fd);
}

static const char *
table_directory(const struct config *config)
{
	return config->table_directory;
}

static const char *
spool_directory(const struct config *config)
{
	return config->spool_directory;
}

static const char *
mail_directory(const struct config *config)
{
	return config->mail_directory;
}

static int
read_table(const struct config *config)
{
	return try_open_in(config->table_directory, "secret", O_RDONLY);
}

static int
read_spool(const struct config *config)
{
	return try_open_in(config->spool_directory, "secret", O_RDONLY);
}

static int
read_mailbox(const struct config *config)
{
	return try_open_in(config->mail_directory, "secret", O_RDONLY);
}

static int
read_key(const struct config *config)
{
	return try_open_in(config->run_directory, "secret", O_RDONLY);
}

static int
read_passwd(const struct config *config)
{
	(void)config;
	return try_open("/etc/passwd", O_RDONLY);
}

static int
read_above_root(const struct config *config)
{
	(void)config;
	return try_open("../../../../../../etc/passwd", O_RDONLY);
}

static int
read_parents_memory(const struct config *config)
{
	char path[64];

	(void)config;
	snprintf(path, sizeof(path), "/proc/%ld/mem", (long)getppid());
	return try_open(path, O_RDONLY);
}

static int
write_run_directory(const struct config *config)
{
	return try_open_in(config->run_directory, "planted", O_WRONLY | O_CREAT);
}

static int
write_tmp(const struct config *config)
{
	(void)config;
	return try_open("/tmp/planted-by-angarium-intruder", O_WRONLY | O_CREAT);
}

static int
execute_shell(const struct config *config)
{
	char *const none[] = { NULL };

	(void)config;
	return outcome(syscall(SYS_execve, "/bin/sh", none, none));
}

static int
start_process(const struct config *config)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void)config;
	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return outcome(pid);
}

static int
trace_parent(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, 0));
}

static int
copy_parents_memory(const struct config *config)
{
	char bytes[16];
	struct iovec here = { bytes, sizeof(bytes) };
	struct iovec there = { bytes, sizeof(bytes) };

	(void)config;
	return outcome(syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0));
}

static int
signal_parent(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_kill, getppid(), 0));
}

static int
signal_all(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_kill, -1, 0));
}

static int
open_tcp(const struct config *config)
{
	(void)config;
	return try_socket(AF_INET, SOCK_STREAM, 0);
}

static int
open_udp(const struct config *config)
{
	(void)config;
	return try_socket(AF_INET, SOCK_DGRAM, 0);
}

/* For the roles that may have one; -1 for the others. */
static int
tcp_socket(void)
{
	return (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static int
connect_out(const struct config *config)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = tcp_socket();
	int error;

	(void)config;
	/* Some role's socket may be there under this number: refused for another reason than ours would be "through". */
	error = outcome(syscall(SYS_connect, fd < 0 ? 3 : fd, &address, sizeof(address)));
	if (fd < 0)
		return error;
	close(fd);
	return error == ECONNREFUSED ? 0 : error; /* nobody listens there, but it left */
}

static int
bind_tcp(const struct config *config)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = tcp_socket();
	int error;

	(void)config;
	error = outcome(syscall(SYS_bind, fd < 0 ? 3 : fd, &address, sizeof(address)));
	if (fd >= 0)
		close(fd);
	return error;
}

static int
listen_again(const struct config *config)
{
	int fd = tcp_socket();
	int error;

	(void)config;
	error = outcome(syscall(SYS_listen, fd < 0 ? 3 : fd, 1));
	if (fd >= 0)
		close(fd);
	return error;
}

static int
open_unix(const struct config *config)
{
	(void)config;
	return try_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
open_netlink(const struct config *config)
{
	(void)config;
	return try_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
open_packet(const struct config *config)
{
	(void)config;
	return try_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

static int
map_executable(const struct config *config)
{
	long address = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)config;
	return outcome(address);
}

static int
make_executable(const struct config *config)
{
	static char page[8192];

	(void)config;
	return outcome(syscall(SYS_mprotect, ((uintptr_t)page + 4095) & ~(uintptr_t)4095, 4096, PROT_READ | PROT_EXEC));
}

static int
make_memory_file(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_memfd_create, "x", 0));
}

static int
become_root(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_setuid, 0));
}

static int
change_root(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_chroot, "/"));
}

static int
make_namespace(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_unshare, CLONE_NEWUSER));
}

static int
mount_something(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
}

static int
start_ring(const struct config *config)
{
	char parameters[120] = { 0 };

	(void)config;
	return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}

static int
load_program(const struct config *config)
{
	char attributes[128] = { 0 };

	(void)config;
	return outcome(syscall(SYS_bpf, 0, attributes, sizeof(attributes)));
}

static int
use_keyring(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_keyctl, 0, -3, 0, 0, 0));
}

static int
become_dumpable(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int
ignore_violations(const struct config *config)
{
	(void)config;
	return outcome(syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8));
}

#define ATTACK(what, how, ...) { .name = what, .try = how, __VA_ARGS__ }

const struct attack attacks[] = {
	ATTACK("read the table", read_table, .directory = table_directory),
	ATTACK("read the spool", read_spool, .directory = spool_directory),
	ATTACK("read a mailbox", read_mailbox, .directory = mail_directory),
	ATTACK("read a private key", read_key),
	ATTACK("read /etc/passwd", read_passwd),
	ATTACK("climb out of the root", read_above_root),
	ATTACK("open the parent's memory", read_parents_memory),
	ATTACK("write to the run directory", write_run_directory),
	ATTACK("write to /tmp", write_tmp),
	ATTACK("execute a shell", execute_shell),
	ATTACK("start a process", start_process),
	ATTACK("trace the parent", trace_parent),
	ATTACK("copy the parent's memory", copy_parents_memory),
	ATTACK("signal the parent", signal_parent),
	ATTACK("signal every process", signal_all),
	ATTACK("open a TCP socket", open_tcp, .own = { "relayd/worker", "relayd/resolver" }),
	ATTACK("open a UDP socket", open_udp, .own = { "relayd/resolver" }),
	ATTACK("connect to an address", connect_out, .own = { "relayd/worker", "relayd/resolver" }),
	ATTACK("bind a TCP port", bind_tcp, .own = { "relayd/resolver" }), /* where Landlock does not know TCP; it cannot listen there */
	ATTACK("listen", listen_again),
	ATTACK("open a UNIX socket", open_unix),
	ATTACK("open a netlink socket", open_netlink),
	ATTACK("open a packet socket", open_packet),
	ATTACK("map executable memory", map_executable),
	ATTACK("make memory executable", make_executable),
	ATTACK("make a file in memory", make_memory_file),
	ATTACK("become root", become_root),
	ATTACK("change the root", change_root),
	ATTACK("make a name space", make_namespace),
	ATTACK("mount", mount_something),
	ATTACK("start an I/O ring", start_ring),
	ATTACK("load a BPF program", load_program),
	ATTACK("use the keyring", use_keyring),
	ATTACK("become dumpable", become_dumpable),
	ATTACK("replace signal handlers", ignore_violations),
};

const size_t attack_count = sizeof(attacks) / sizeof(attacks[0]);
