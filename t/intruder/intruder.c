/*
 * The intruder's way in: a service's own main.c, compiled to call intruder_service_main in place of service_main. Every role is described,
 * started and confined as always; only then, where the role's work would begin, the intruder does its own.
 *
 * The filter's signal handler is replaced (sigaction is wrapped at link time), so that a refused system call is counted instead of ending the process.
 */
#undef service_main /* here the real one is meant */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/proc/process.h"
#include "common/proc/service.h"
#include "t/intruder/intruder.h"

int __real_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int intruder_service_main(const struct service *service, int argc, char **argv);

static const struct service *invaded;

static void
on_refused(int number, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	(void)number;
	(void)info;
	state->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

int
__wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	struct sigaction ours = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (number != SIGSYS)
		return __real_sigaction(number, action, old);
	sigemptyset(&ours.sa_mask);
	return __real_sigaction(SIGSYS, &ours, old);
}

static const struct service_role *
invaded_role(const char *name)
{
	for (size_t i = 0; i < SERVICE_ROLES_MAX && invaded->roles[i] != NULL; i++)
		if (strcmp(invaded->roles[i]->name, name) == 0)
			return invaded->roles[i];
	return NULL;
}

/* Whether it is the role's work. */
static bool
is_own(const struct attack *attack, const struct service_role *role, const struct config *config)
{
	const char *directory = role->directory == NULL ? NULL : role->directory(config);
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", invaded->name, role->name);
	for (size_t i = 0; i < sizeof(attack->own) / sizeof(attack->own[0]) && attack->own[i] != NULL; i++)
		if (strcmp(attack->own[i], name) == 0)
			return true;
	return attack->directory != NULL && directory != NULL && strcmp(attack->directory(config), directory) == 0;
}

static int
intruder_main(struct process *process)
{
	const struct config *config = process_config(process);
	const struct service_role *role = invaded_role(process_role(process));

	for (size_t i = 0; i < attack_count; i++) {
		const struct attack *attack = &attacks[i];
		bool allowed = is_own(attack, role, config);
		int error = attack->try(config);

		log_event(LOG_ERR, error != 0 ? "attack.stopped" : allowed ? "attack.own" : "attack.through",
		          LOG_STRING("attack", attack->name), LOG_ERROR(error));
	}
	log_event(LOG_ERR, "attack.over", LOG_UINT("uid", getuid()));
	return process_run(process);
}

int
intruder_service_main(const struct service *service, int argc, char **argv)
{
	static struct service_role roles[SERVICE_ROLES_MAX];
	static struct service copy;

	invaded = service;
	copy.name = service->name;
	copy.tls = service->tls;
	for (size_t i = 0; i < SERVICE_ROLES_MAX && service->roles[i] != NULL; i++) {
		memcpy(&roles[i], service->roles[i], sizeof(roles[i]));
		roles[i].main = intruder_main;
		copy.roles[i] = &roles[i];
	}
	return service_main(&copy, argc, argv);
}
