/*
 * What an address means, one step at a time.
 */
#include "tabled/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One address of this host as a network of its own; wildcards say nothing about which addresses are ours. */
static void
resolve_add_own(struct config_networks *own, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	struct config_network *network = &own->list[own->count];

	if (own->count == CONFIG_NETWORKS_MAX)
		return;
	if (address->ss_family == AF_INET && v4->sin_addr.s_addr != htonl(INADDR_ANY)) {
		*network = (struct config_network){ .family = AF_INET, .bits = 32 };
		memcpy(network->address, &v4->sin_addr, sizeof(v4->sin_addr));
		own->count++;
	} else if (address->ss_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
		*network = (struct config_network){ .family = AF_INET6, .bits = 128 };
		memcpy(network->address, &v6->sin6_addr, sizeof(v6->sin6_addr));
		own->count++;
	}
}

void
resolve_settings_from(const struct config *config, struct resolve_settings *settings_r)
{
	struct config_networks *own = &settings_r->own;

	*settings_r = (struct resolve_settings){
		.separator = config->subaddress_separator,
		.depth = config->alias_depth,
		.targets = config->alias_targets,
		.relay_sockets = config->relay_sockets,
	};
	if (settings_r->targets > TABLE_TARGETS_MAX)
		settings_r->targets = TABLE_TARGETS_MAX;
	for (size_t i = 0; config->hostname[i] != '\0'; i++) {
		char c = config->hostname[i];

		settings_r->hostname[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	own->list[own->count++] = (struct config_network){ .family = AF_INET, .address = { 127 }, .bits = 8 };
	own->list[own->count++] =
		(struct config_network){ .family = AF_INET6, .address = { [15] = 1 }, .bits = 128 };
	for (size_t i = 0; i < config->smtp_listen.count; i++)
		resolve_add_own(own, &config->smtp_listen.list[i].address);
	for (size_t i = 0; i < config->submission_listen.count; i++)
		resolve_add_own(own, &config->submission_listen.list[i].address);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3) of this host. */
static bool
resolve_own_literal(const struct resolve_settings *settings, struct slice domain)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];
	struct slice inside;

	if (domain.length < 3 || domain.data[0] != '[' || domain.data[domain.length - 1] != ']')
		return false;
	inside = slice_first(slice_from(domain, 1), domain.length - 2);
	if (slice_starts_nocase(inside, SLICE("IPv6:"))) {
		if (slice_to_string(slice_from(inside, 5), text, sizeof(text)) != 0 ||
		    inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
			return false;
		return config_networks_contain(&settings->own, (const void *)&v6);
	}
	if (slice_to_string(inside, text, sizeof(text)) != 0 || inet_pton(AF_INET, text, &v4.sin_addr) != 1)
		return false;
	return config_networks_contain(&settings->own, (const void *)&v4);
}

static void
resolve_to_class(struct resolve_step *step, enum table_class class)
{
	step->kind = RESOLVE_CLASS;
	step->class = class;
}

static bool
resolve_to_error(struct resolve_step *step, int error)
{
	if (error == 0 || error == -ENOENT)
		return false;
	resolve_to_class(step, TABLE_TEMPORARY);
	return true;
}

/* Tries step->name as an alias, then as a user. True when the search ends here, and *step says with what. */
static bool
resolve_name(const struct view *view, struct resolve_step *step)
{
	struct record_alias alias;
	struct record_user user;
	bool disabled = false;
	int error = view_alias(view, name_key(&step->name), &alias);

	if (error == 0 && alias.enabled) {
		step->kind = RESOLVE_ALIAS;
		step->class = TABLE_ALIAS;
		step->targets = alias.targets;
		return true;
	}
	disabled = error == 0;
	if (resolve_to_error(step, error))
		return true;
	error = view_user(view, name_key(&step->name), &user);
	if (resolve_to_error(step, error))
		return true;
	if (error == -ENOENT && !disabled)
		return false;
	if (error == -ENOENT || !user.enabled) {
		resolve_to_class(step, TABLE_DISABLED);
		return true;
	}
	step->kind = RESOLVE_USER;
	step->class = TABLE_LOCAL;
	step->path = user.path;
	step->quota = user.quota;
	return true;
}

void
resolve_built_in(const struct resolve_settings *settings, struct resolve_step *step)
{
	resolve_to_class(step, TABLE_TEMPORARY);
	step->tag = SLICE("");
	if (!name_make(SLICE("postmaster"), slice_from_string(settings->hostname), &step->name))
		return;
	snprintf(step->built_in, sizeof(step->built_in), "%s/postmaster", settings->hostname);
	step->kind = RESOLVE_USER;
	step->class = TABLE_LOCAL;
	step->path = slice_from_string(step->built_in);
	step->quota = 0;
}

/* RFC 5321 4.5.1: mail to postmaster must be accepted and be delivered, whatever is configured. */
static void
resolve_postmaster(const struct view *view, const struct resolve_settings *settings,
                   struct resolve_step *step)
{
	struct slice hostname = slice_from_string(settings->hostname);

	step->tag = SLICE("");
	if (name_make(SLICE("postmaster"), SLICE(""), &step->name) && resolve_name(view, step) &&
	    step->kind != RESOLVE_CLASS)
		return;
	if (name_make(SLICE("postmaster"), hostname, &step->name) && resolve_name(view, step) &&
	    step->kind != RESOLVE_CLASS)
		return;
	resolve_built_in(settings, step);
}

static void
resolve_in_local(const struct view *view, const struct resolve_settings *settings, struct slice local,
                 struct slice domain, struct resolve_step *step)
{
	size_t separator =
		settings->separator == '\0' ? local.length : slice_find(local, settings->separator);

	if (!name_make(local, domain, &step->name)) {
		resolve_to_class(step, TABLE_NO_USER);
		return;
	}
	if (resolve_name(view, step))
		return;
	if (separator > 0 && separator < local.length) {
		step->tag = slice_from(local, separator + 1);
		if (name_make(slice_first(local, separator), domain, &step->name) && resolve_name(view, step))
			return;
		step->tag = SLICE("");
	}
	if (name_make(SLICE(""), domain, &step->name) && resolve_name(view, step))
		return;
	resolve_to_class(step, TABLE_NO_USER);
}

/*
 * Of which class the domain is: LOCAL, RELAY, REMOTE, DISABLED, TEMPORARY; this host's own name counts as
 * local without a record.
 */
static enum table_class
resolve_domain(const struct view *view, const struct resolve_settings *settings, struct slice domain)
{
	struct slice hostname = slice_from_string(settings->hostname);
	struct record_domain record;
	struct name name;
	int error;

	if (!name_make(SLICE(""), domain, &name))
		return TABLE_REMOTE;
	error = view_domain(view, name_domain(&name), &record);
	if (error == -ENOENT)
		return slice_equal(name_domain(&name), hostname) ? TABLE_LOCAL : TABLE_REMOTE;
	if (error != 0)
		return TABLE_TEMPORARY;
	if (record.kind == RECORD_DOMAIN_RELAY)
		return record.enabled ? TABLE_RELAY : TABLE_DISABLED;
	return record.enabled ? TABLE_LOCAL : TABLE_DISABLED;
}

void
resolve_one(const struct view *view, const struct resolve_settings *settings, struct slice address,
            struct resolve_step *step)
{
	size_t at = slice_find_last(address, '@');
	struct slice local = slice_first(address, at);
	struct slice domain = slice_from(address, at + 1);
	bool postmaster = slice_equal_nocase(local, SLICE("postmaster"));
	enum table_class class;

	/* The built-in path is large and rarely used: it is not cleared. */
	step->tag = step->path = SLICE("");
	step->quota = 0;
	step->targets = (struct record_list){ .count = 0 };
	step->postmaster = false;
	if (local.length == 0 || (at == address.length && !postmaster)) {
		resolve_to_class(step, TABLE_NO_USER);
		return;
	}
	if (at == address.length ||
	    (domain.length > 0 && domain.data[0] == '[' && resolve_own_literal(settings, domain)))
		domain = slice_from_string(settings->hostname);
	class = resolve_domain(view, settings, domain);
	resolve_to_class(step, class);
	if (class == TABLE_LOCAL)
		resolve_in_local(view, settings, local, domain, step);
	step->postmaster =
		postmaster && class != TABLE_REMOTE && class != TABLE_RELAY && class != TABLE_TEMPORARY;
	if (step->postmaster && (step->class == TABLE_NO_USER || step->class == TABLE_DISABLED))
		resolve_postmaster(view, settings, step);
}
