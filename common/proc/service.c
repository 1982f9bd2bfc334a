/*
 * The main() of every daemon: its command line, detaching, and the choice between parent and role.
 */
#include "common/proc/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/proc/account.h"
#include "common/proc/parent.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"

struct options {
	const char *config;
	const char *role; /* set in a process that the parent has executed */
	bool check;
	bool detach;
};

static int
service_usage(const struct service *service)
{
	fprintf(stderr, "usage: %s [-c FILE] [-d] [-n]\n", service->name);
	return EX_USAGE;
}

static int
service_options(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){ .config = SYSCONFDIR "/angarium.conf" };
	while ((option = getopt(argc, argv, "c:dnR:")) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'd':
			options->detach = true;
			break;
		case 'n':
			options->check = true;
			break;
		case 'R':
			options->role = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

static int
service_role_main(const struct service *service, const char *name)
{
	for (size_t i = 0; i < SERVICE_ROLES_MAX && service->roles[i] != NULL; i++)
		if (strcmp(service->roles[i]->name, name) == 0)
			return process_main(service->name, service->roles[i]);
	fprintf(stderr, "%s: there is no role %s\n", service->name, name);
	return EX_USAGE;
}

/* Says on the pipe that the service is up, and lets go of the terminal. */
static void
service_detached(void *context)
{
	const int *ready = context;
	int null;

	if (write(*ready, "", 1) != 1)
		return;
	close(*ready);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	if (isatty(STDERR_FILENO))
		dup2(null, STDERR_FILENO);
	close(null);
}

/*
 * Goes on in a child process. The first process waits until the service is ready and returns its status in *status_r; true
 * in the child, where *ready_r is the descriptor to report on.
 */
static bool
service_detach(int *ready_r, int *status_r)
{
	char byte;
	int ends[2];
	pid_t pid;

	*status_r = EX_OSERR;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0) {
		close(ends[0]);
		setsid();
		*ready_r = ends[1];
		return true;
	}
	close(ends[1]);
	*status_r = read(ends[0], &byte, 1) == 1 ? EX_OK : EX_UNAVAILABLE;
	return false;
}

static int
service_open_null(void)
{
	int null = open("/dev/null", O_RDWR);

	/* Standard descriptors that were closed must not be taken by a socket. */
	while (null >= 0 && null <= STDERR_FILENO)
		null = dup(null);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	close(null);
	return 0;
}

/* The configuration was read and understood: what it names, and the service cannot start without, is looked at too. */
static int
service_check(const struct service *service, const char *path, const struct config *config)
{
	char error[CONFIG_ERROR_MAX];

	if (service->tls != NULL && service->tls->check(config, path, error) != 0) {
		fprintf(stderr, "%s: %s\n", service->name, error);
		return EX_CONFIG;
	}
	printf("%s: %s is in order\n", service->name, path);
	return EX_OK;
}

static int
service_parent_main(const struct service *service, const struct options *options)
{
	struct config *config = calloc(1, sizeof(*config));
	char error[CONFIG_ERROR_MAX];
	char path[PATH_MAX];
	size_t length;
	char *text;
	int status = EX_CONFIG;
	int ready = -1;

	if (config == NULL)
		return EX_OSERR;
	if (realpath(options->config, path) == NULL)
		strlcpy(path, options->config, sizeof(path));
	if (config_load(config, path, &text, &length, error) != 0) {
		fprintf(stderr, "%s: %s\n", service->name, error);
	} else if (options->check) {
		status = service_check(service, path, config);
		free(text);
	} else if (!options->detach || service_detach(&ready, &status)) {
		status = parent_run(service, path, config, text, length, options->detach ? service_detached : NULL, &ready);
	}
	free(config);
	return status;
}

int
service_main(const struct service *service, int argc, char **argv)
{
	struct options options;

	if (service_options(argc, argv, &options) != 0)
		return service_usage(service);
	if (options.role != NULL)
		return service_role_main(service, options.role);
	if (service_open_null() != 0)
		return EX_OSERR;
	return service_parent_main(service, &options);
}
