/*
 * Views of the table.
 */
#include "tabled/view.h"

#include <errno.h>

static int
view_index_get(void *context, enum table_space space, struct slice key, struct slice *value_r)
{
	return index_find(context, space, key, value_r) ? 0 : -ENOENT;
}

struct view
view_of_index(struct index *index)
{
	return (struct view){ .get = view_index_get, .context = index, .stable = true };
}

static int
view_table_get(void *context, enum table_space space, struct slice key, struct slice *value_r)
{
	struct view_table *reader = context;
	int error = table_get(reader->table, space, key, &reader->value);

	*value_r = buffer_slice(&reader->value);
	return error;
}

struct view
view_of_table(struct view_table *reader, struct table *table)
{
	reader->table = table;
	buffer_init(&reader->value, TABLE_VALUE_MAX);
	return (struct view){ .get = view_table_get, .context = reader };
}

void
view_table_free(struct view_table *reader)
{
	buffer_free(&reader->value);
}

int
view_domain(const struct view *view, struct slice key, struct record_domain *domain_r)
{
	struct slice value;
	int error = view->get(view->context, TABLE_SPACE_DOMAIN, key, &value);

	return error != 0 ? error : record_domain_decode(value, domain_r) ? 0 : -EBADMSG;
}

int
view_user(const struct view *view, struct slice key, struct record_user *user_r)
{
	struct slice value;
	int error = view->get(view->context, TABLE_SPACE_USER, key, &value);

	return error != 0 ? error : record_user_decode(value, user_r) ? 0 : -EBADMSG;
}

int
view_alias(const struct view *view, struct slice key, struct record_alias *alias_r)
{
	struct slice value;
	int error = view->get(view->context, TABLE_SPACE_ALIAS, key, &value);

	return error != 0 ? error : record_alias_decode(value, alias_r) ? 0 : -EBADMSG;
}

int
view_route(const struct view *view, struct slice key, struct route *route_r)
{
	struct slice value;
	int error = view->get(view->context, TABLE_SPACE_ROUTE, key, &value);

	return error != 0 ? error : record_route_decode(value, route_r) ? 0 : -EBADMSG;
}
