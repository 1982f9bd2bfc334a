/*
 * What no single line of the configuration shows: directives that contradict each other.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "common/mail/config_directive.h"

/* A directive of the kind that is compared with its like, and its place in struct config. */
struct member {
	const char *name;
	size_t offset;
};

#define MEMBER(member) { #member, offsetof(struct config, member) }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct member accounts[] = {
	MEMBER(account_table), MEMBER(account_queue), MEMBER(account_smtp),
	MEMBER(account_login), MEMBER(account_vmail), MEMBER(account_key),
	MEMBER(account_relay), MEMBER(account_dns),
};
static const struct member directories[] = {
	MEMBER(run_directory), MEMBER(spool_directory), MEMBER(table_directory), MEMBER(mail_directory),
};
static const struct member listeners[] = {
	MEMBER(smtp_listen), MEMBER(submission_listen), MEMBER(smtps_listen), MEMBER(pop3_listen), MEMBER(pop3s_listen),
};

static const void *
member_of(const struct config *config, const struct member *member)
{
	return (const char *)config + member->offset;
}

/* The line in the file of a directive; 0 when it is not there. */
static unsigned
line_of(const unsigned *lines, const char *name)
{
	return lines[config_directive_find(slice_from_string(name)) - config_directives];
}

/* The line to name when directives A and B contradict each other: the later one. */
static void
blame(struct config_report *report, const unsigned *lines, const char *a, const char *b)
{
	unsigned line_a = line_of(lines, a);
	unsigned line_b = line_of(lines, b);

	report->line = line_a > line_b ? line_a : line_b;
}

/* Two accounts for one: a role could then signal and trace another that must not trust it. */
static int
check_accounts(const struct config *config, const unsigned *lines, struct config_report *report)
{
	for (size_t i = 0; i < COUNT(accounts); i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(member_of(config, &accounts[i]), member_of(config, &accounts[j])) != 0)
				continue;
			blame(report, lines, accounts[i].name, accounts[j].name);
			return config_complain(report,
			                       "%s and %s are the same account; give each role one of its own",
			                       accounts[j].name, accounts[i].name);
		}
	}
	return 0;
}

/* True when INNER is OUTER or lies below it. */
static bool
path_is_within(const char *inner, const char *outer)
{
	size_t length = strlen(outer);

	return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

/* Each directory but the one for sockets belongs to one account alone, and none may lead into another's. */
static int
check_directories(const struct config *config, const unsigned *lines, struct config_report *report)
{
	for (size_t i = 0; i < COUNT(directories); i++) {
		for (size_t j = 0; j < COUNT(directories); j++) {
			const char *inner = member_of(config, &directories[i]);
			const char *outer = member_of(config, &directories[j]);

			if (i == j || !path_is_within(inner, outer))
				continue;
			blame(report, lines, directories[i].name, directories[j].name);
			return config_complain(report, "%s lies within %s; keep the directories apart",
			                       directories[i].name, directories[j].name);
		}
	}
	return 0;
}

/* True when both would bind the same port of the same address, or of all addresses of one family. */
static bool
endpoints_collide(const struct config_endpoint *a, const struct config_endpoint *b)
{
	if (a->address.ss_family != b->address.ss_family)
		return false;
	if (a->address.ss_family == AF_INET) {
		const struct sockaddr_in *one = (const struct sockaddr_in *)&a->address;
		const struct sockaddr_in *two = (const struct sockaddr_in *)&b->address;

		return one->sin_port == two->sin_port &&
		       (one->sin_addr.s_addr == two->sin_addr.s_addr || one->sin_addr.s_addr == INADDR_ANY ||
		        two->sin_addr.s_addr == INADDR_ANY);
	}

	const struct sockaddr_in6 *one = (const struct sockaddr_in6 *)&a->address;
	const struct sockaddr_in6 *two = (const struct sockaddr_in6 *)&b->address;

	return one->sin6_port == two->sin6_port &&
	       (IN6_ARE_ADDR_EQUAL(&one->sin6_addr, &two->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&one->sin6_addr) ||
	        IN6_IS_ADDR_UNSPECIFIED(&two->sin6_addr));
}

static bool
lists_collide(const struct config_endpoints *a, const struct config_endpoints *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count && (a != b || j < i); j++)
			if (endpoints_collide(&a->list[i], &b->list[j]))
				return true;
	return false;
}

static int
check_listeners(const struct config *config, const unsigned *lines, struct config_report *report)
{
	for (size_t i = 0; i < COUNT(listeners); i++) {
		for (size_t j = 0; j <= i; j++) {
			if (!lists_collide(member_of(config, &listeners[i]), member_of(config, &listeners[j])))
				continue;
			blame(report, lines, listeners[i].name, listeners[j].name);
			if (i == j)
				return config_complain(report, "%s names one port twice; keep one of the two",
				                       listeners[i].name);
			return config_complain(report, "%s and %s name the same port; give each its own",
			                       listeners[j].name, listeners[i].name);
		}
	}
	return 0;
}

static int
check_queue(const struct config *config, const unsigned *lines, struct config_report *report)
{
	char one[CONFIG_QUOTE_SIZE], two[CONFIG_QUOTE_SIZE];

	if (config->retry.list[0].interval > config->queue_lifetime) {
		blame(report, lines, "retry", "queue_lifetime");
		return config_complain(
			report,
			"retry comes first after %s, when queue_lifetime (%s) is over; write a shorter interval or "
			"a longer lifetime",
			config_show_time(config->retry.list[0].interval, one),
			config_show_time(config->queue_lifetime, two));
	}
	if (config->bounce_size_limit > config->message_size_limit) {
		blame(report, lines, "bounce_size_limit", "message_size_limit");
		return config_complain(
			report, "bounce_size_limit (%s) is more than message_size_limit (%s); write at most that",
			config_show_size(config->bounce_size_limit, one),
			config_show_size(config->message_size_limit, two));
	}
	return 0;
}

int
config_check(const struct config *config, const unsigned *lines, struct config_report *report)
{
	if (check_accounts(config, lines, report) != 0 || check_directories(config, lines, report) != 0 ||
	    check_listeners(config, lines, report) != 0 || check_queue(config, lines, report) != 0)
		return -EINVAL;
	return 0;
}
