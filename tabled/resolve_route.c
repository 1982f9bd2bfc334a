/*
 * Which route the mail for a domain takes.
 */
#include <errno.h>

#include "common/mail/idna.h"
#include "tabled/resolve.h"

/* The routes that hold for what is below a domain: of its parents, the nearest first. */
static int
resolve_route_above(const struct view *view, struct slice domain, struct route *route_r)
{
	int error = -ENOENT;

	while (error == -ENOENT) {
		size_t dot = slice_find(domain, '.');

		if (dot == domain.length)
			return -ENOENT;
		error = view_route(view, slice_from(domain, dot), route_r);
		domain = slice_from(domain, dot + 1);
	}
	return error;
}

/* As the keys of routes are written: in lower case and A-labels. Not those of an address literal (RFC 5321 4.1.3), which takes none but "*". */
static bool
resolve_route_key(struct slice domain, char *out)
{
	struct name name;

	return domain.length > 0 && domain.data[0] != '[' && name_make(SLICE(""), domain, &name) &&
	       idna_to_ascii(name_domain(&name), out) == 0;
}

int
resolve_route(const struct view *view, struct slice domain, bool relayed, struct route *route_r, bool *backup_r)
{
	char key[ADDRESS_DOMAIN_MAX + 1];
	int error = -ENOENT;

	*route_r = (struct route){ .kind = ROUTE_MX };
	*backup_r = false;
	if (resolve_route_key(domain, key)) {
		error = view_route(view, slice_from_string(key), route_r);
		if (error == -ENOENT)
			error = resolve_route_above(view, slice_from_string(key), route_r);
	}
	if (error == -ENOENT && !relayed)
		error = view_route(view, SLICE("*"), route_r);
	if (error != -ENOENT)
		return error;
	*route_r = (struct route){ .kind = ROUTE_MX };
	*backup_r = relayed;
	return 0;
}
