/*
 * A view: where the resolver and the checks read from. In the owner it is the index, in a transaction the
 * table itself.
 */
#ifndef ANGARIUM_TABLED_VIEW_H
#define ANGARIUM_TABLED_VIEW_H

#include "tabled/index.h"
#include "tabled/record.h"
#include "tabled/table.h"

struct view {
	/* 0, -ENOENT, or another negative errno value. *value_r lives until the next get. */
	int (*get)(void *context, enum table_space space, struct slice key, struct slice *value_r);
	void *context;
	bool stable; /* values live longer: until the index changes */
};

struct view view_of_index(struct index *index);

struct view_table {
	struct table *table;
	struct buffer value;
};

/* READER holds the values; it is initialised here, and freed by view_table_free. */
struct view view_of_table(struct view_table *reader, struct table *table);
void view_table_free(struct view_table *reader);

/* Get and decode. 0, -ENOENT, -EBADMSG (malformed), or another negative errno value. */
int view_domain(const struct view *view, struct slice key, struct record_domain *domain_r);
int view_user(const struct view *view, struct slice key, struct record_user *user_r);
int view_alias(const struct view *view, struct slice key, struct record_alias *alias_r);
int view_route(const struct view *view, struct slice key, struct route *route_r);

#endif
