/*
 * Aliases followed to their end, breadth first, bounded in depth and number, each name once.
 */
#include <errno.h>

#include "common/ipc/wire.h"
#include "tabled/resolve.h"
#include "tabled/seen.h"

enum {
	PENDING_LIMIT = 16 * 1024 * 1024, /* bytes of addresses that wait to be followed */
};

enum { SEEN_USER = 'u', SEEN_ALIAS = 'a', SEEN_REMOTE = 'r' };

struct expansion {
	const struct view *view;
	const struct resolve_settings *settings;
	struct buffer *out; /* may be NULL */
	const struct name *root; /* an alias that is being checked, or NULL: it must not be met again */
	uint32_t count;     /* targets */
	uint32_t pushed;    /* addresses that were ever pending */
	struct seen seen;
	struct buffer pending; /* of each address: u32 depth, u8 named by its own alias, slice address */
	enum table_class worst;  /* of the targets that lead nowhere */
};

static void
expand_init(struct expansion *expansion, const struct view *view, const struct resolve_settings *settings,
            struct buffer *out)
{
	*expansion =
		(struct expansion){ .view = view, .settings = settings, .out = out, .worst = TABLE_LOOP };
	seen_init(&expansion->seen);
	buffer_init(&expansion->pending, PENDING_LIMIT);
}

static void
expand_free(struct expansion *expansion)
{
	seen_free(&expansion->seen);
	buffer_free(&expansion->pending);
}

/* "login+tag@domain" from the name found and the tag as it was given. */
static void
expand_put_login(struct wire_writer *writer, const struct expansion *expansion,
                 const struct resolve_step *step)
{
	char text[2 * TABLE_ADDRESS_MAX];
	struct buffer login = { .data = text, .size = sizeof(text), .limit = sizeof(text) };

	(void)buffer_append_slice(&login, name_local(&step->name));
	if (step->tag.length > 0) {
		(void)buffer_append(&login, &expansion->settings->separator, 1);
		(void)buffer_append_slice(&login, step->tag);
	}
	(void)buffer_append(&login, "@", 1);
	(void)buffer_append_slice(&login, name_domain(&step->name));
	wire_put_slice(writer, buffer_slice(&login));
}

static int
expand_put_user(struct expansion *expansion, const struct resolve_step *step)
{
	struct wire_writer writer;

	expansion->count++;
	if (expansion->out == NULL)
		return 0;
	writer = wire_begin_bare(expansion->out);
	wire_put_u8(&writer, TABLE_TARGET_MAILBOX);
	expand_put_login(&writer, expansion, step);
	wire_put_slice(&writer, step->path);
	wire_put_u64(&writer, step->quota);
	wire_put_string(&writer, ""); /* a sender's tag chooses no folder: the inbox */
	return wire_end_bare(&writer);
}

static int
expand_add_user(struct expansion *expansion, const struct resolve_step *step)
{
	int added = seen_add(&expansion->seen, SEEN_USER, name_key(&step->name));

	return added <= 0 ? added : expand_put_user(expansion, step);
}

static int
expand_put_remote(struct expansion *expansion, struct slice address, bool relayed)
{
	struct wire_writer writer;
	struct route route;
	bool backup;
	int error;

	expansion->count++;
	if (expansion->out == NULL)
		return 0;
	error = resolve_route(expansion->view, slice_from(address, slice_find_last(address, '@') + 1), relayed, &route, &backup);
	if (error != 0)
		return error;
	writer = wire_begin_bare(expansion->out);
	wire_put_u8(&writer, TABLE_TARGET_REMOTE);
	wire_put_slice(&writer, address);
	route_put(&writer, &route);
	wire_put_u8(&writer, backup);
	return wire_end_bare(&writer);
}

static int
expand_add_remote(struct expansion *expansion, struct slice address, bool relayed)
{
	int added = seen_add(&expansion->seen, SEEN_REMOTE, address);

	return added <= 0 ? added : expand_put_remote(expansion, address, relayed);
}

static int
expand_push(struct expansion *expansion, struct slice address, uint32_t depth, bool user_only)
{
	struct wire_writer writer;

	/* Names that are met twice count here too: so the work is bounded, not only the result. */
	if (expansion->pushed++ > 4 * expansion->settings->targets)
		return -E2BIG;
	writer = wire_begin_bare(&expansion->pending);
	wire_put_u32(&writer, depth);
	wire_put_u8(&writer, user_only);
	wire_put_slice(&writer, address);
	return wire_end_bare(&writer);
}

static int expand_pending(struct expansion *expansion);

/*
 * Makes the targets of the alias NAME pending. Whoever asks only whether there is any gets each followed at once: most aliases are answered
 * by their first target, and a client could ask for one with thousands again and again. The depth of aliases bounds the recursion.
 */
static int
expand_push_targets(struct expansion *expansion, const struct name *name, struct record_list targets,
                    uint32_t depth)
{
	struct slice target;
	int added = seen_add(&expansion->seen, SEEN_ALIAS, name_key(name));

	if (added <= 0)
		return added;
	if (depth > expansion->settings->depth)
		return -E2BIG;
	while (record_list_next(&targets, &target)) {
		struct name own;
		bool itself = name_parse(target, &own) && slice_equal(name_key(&own), name_key(name));
		int error = expand_push(expansion, target, depth, itself);

		if (error == 0 && expansion->out == NULL && expansion->view->stable)
			error = expand_pending(expansion);
		if (error != 0 || (expansion->out == NULL && expansion->count > 0))
			return error;
	}
	return 0;
}

/* The target of an alias that names itself: the user of that name, not the alias again. */
static int
expand_itself(struct expansion *expansion, struct resolve_step *step)
{
	struct record_user user;
	int error = view_user(expansion->view, name_key(&step->name), &user);

	if (error == -ENOENT && expansion->root != NULL)
		return -ELOOP;
	if (error == -ENOENT || (error == 0 && !user.enabled))
		return 0;
	if (error != 0)
		return error;
	step->path = user.path;
	step->quota = user.quota;
	return expand_add_user(expansion, step);
}

static int
expand_met_alias(struct expansion *expansion, uint32_t depth, bool itself, struct resolve_step *step)
{
	if (itself)
		return expand_itself(expansion, step);
	if (expansion->root != NULL && slice_equal(name_key(expansion->root), name_key(&step->name)))
		return -ELOOP;
	return expand_push_targets(expansion, &step->name, step->targets, depth + 1);
}

static int
expand_step(struct expansion *expansion, struct slice address, uint32_t depth, bool itself,
            struct resolve_step *step)
{
	resolve_one(expansion->view, expansion->settings, address, step);
	if (step->kind == RESOLVE_USER)
		return expand_add_user(expansion, step);
	if (step->kind == RESOLVE_ALIAS)
		return expand_met_alias(expansion, depth, itself, step);
	switch (step->class) {
	case TABLE_REMOTE:
	case TABLE_RELAY:
		return expand_add_remote(expansion, address, step->class == TABLE_RELAY);
	case TABLE_TEMPORARY:
		return -EAGAIN;
	default:
		expansion->worst = step->class;
		return 0;
	}
}

/* Follows everything that is pending. */
static int
expand_pending(struct expansion *expansion)
{
	struct resolve_step step;
	char address[TABLE_ADDRESS_MAX + 1];

	while (buffer_length(&expansion->pending) > 0) {
		struct wire_reader reader = wire_read(buffer_slice(&expansion->pending));
		uint32_t depth = wire_get_u32(&reader);
		bool itself = wire_get_u8(&reader) != 0;
		struct slice next = wire_get_slice(&reader);
		size_t used = buffer_length(&expansion->pending) - wire_left(&reader);
		int error = slice_to_string(next, address, sizeof(address));

		buffer_consume(&expansion->pending, used);
		if (error == 0)
			error = expand_step(expansion, slice_from_string(address), depth, itself, &step);
		if (error != 0)
			return error;
		if (expansion->count > expansion->settings->targets)
			return -E2BIG;
		if (expansion->count > 0 && expansion->out == NULL)
			return 0;
	}
	return 0;
}

static enum table_class
expand_alias(struct expansion *expansion, const struct resolve_step *step)
{
	int error = expand_push_targets(expansion, &step->name, step->targets, 1);

	if (error == 0)
		error = expand_pending(expansion);
	if (error == -E2BIG)
		return TABLE_LOOP;
	if (error != 0)
		return TABLE_TEMPORARY;
	return expansion->count > 0 ? TABLE_ALIAS : expansion->worst;
}

/* The only target of an address that is none of ours: itself. */
static enum table_class
expand_elsewhere(struct expansion *expansion, struct slice address, enum table_class class)
{
	if (class != TABLE_RELAY && class != TABLE_REMOTE)
		return class;
	return expand_put_remote(expansion, address, class == TABLE_RELAY) == 0 ? class : TABLE_TEMPORARY;
}

/* Whether an answer of CLASS has targets. */
static bool
expand_has_targets(enum table_class class)
{
	return class == TABLE_LOCAL || class == TABLE_ALIAS || class == TABLE_RELAY || class == TABLE_REMOTE;
}

enum table_class
resolve_expand(const struct view *view, const struct resolve_settings *settings, struct slice address,
               struct buffer *out, uint32_t *count_r)
{
	struct expansion expansion;
	struct resolve_step step;
	enum table_class class;
	size_t begin = out == NULL ? 0 : buffer_length(out);

	*count_r = 0;
	resolve_one(view, settings, address, &step);
	class = step.class;
	expand_init(&expansion, view, settings, out);
	if (step.kind == RESOLVE_CLASS)
		class = expand_elsewhere(&expansion, address, class);
	else if (step.kind == RESOLVE_ALIAS)
		class = expand_alias(&expansion, &step);
	else if (expand_put_user(&expansion, &step) != 0)
		class = TABLE_TEMPORARY;
	if (!expand_has_targets(class)) {
		if (out != NULL)
			buffer_truncate(out, begin);
		expansion.count = 0;
		/* Postmaster has a mailbox even when the aliases made for it lead nowhere. */
		if (step.kind != RESOLVE_CLASS && step.postmaster && class != TABLE_TEMPORARY) {
			resolve_built_in(settings, &step);
			class = expand_put_user(&expansion, &step) == 0 ? TABLE_LOCAL : TABLE_TEMPORARY;
		}
	}
	*count_r = expansion.count;
	expand_free(&expansion);
	return class;
}

int
resolve_check_alias(const struct view *view, const struct resolve_settings *settings, const struct name *name,
                    struct record_list targets)
{
	struct expansion expansion;
	struct buffer sink;
	int error;

	buffer_init(&sink, TABLE_FRAME_MAX);
	expand_init(&expansion, view, settings, &sink);
	expansion.root = name;
	error = expand_push_targets(&expansion, name, targets, 1);
	if (error == 0)
		error = expand_pending(&expansion);
	expand_free(&expansion);
	buffer_free(&sink);
	return error;
}
