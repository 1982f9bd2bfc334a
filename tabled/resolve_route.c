/*
 * Which route the mail for a domain takes.
 */
#include <errno.h>

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

int
resolve_route(const struct view *view, struct slice domain, bool relayed, struct route *route_r, bool *backup_r)
{
	struct name name;
	int error = -ENOENT;

	*route_r = (struct route){ .kind = ROUTE_MX };
	*backup_r = false;
	/* An address literal (RFC 5321 4.1.3) has no parents. */
	if (name_make(SLICE(""), domain, &name) && domain.length > 0 && domain.data[0] != '[') {
		error = view_route(view, name_domain(&name), route_r);
		if (error == -ENOENT)
			error = resolve_route_above(view, name_domain(&name), route_r);
	}
	if (error == -ENOENT && !relayed)
		error = view_route(view, SLICE("*"), route_r);
	if (error != -ENOENT)
		return error;
	*route_r = (struct route){ .kind = ROUTE_MX };
	*backup_r = relayed;
	return 0;
}
