/*
 * tabled/admin.h and resolve.h: what an administrator does to a table, and what addresses then mean.
 */
#include "tabled/admin.h"

#include "t/unit/table_world.h"
#include "tabled/login.h"

/* The route of a remote target, unless it is by DNS. */
static void
say_route(struct wire_reader *reader, struct buffer *said)
{
	char words[ROUTE_TEXT_MAX];
	struct route route;

	ck_assert(route_get(reader, &route));
	if (route.kind != ROUTE_MX)
		buffer_printf(said, " via %s", route_format(&route, words));
	if (wire_get_u8(reader) != 0)
		buffer_printf(said, " backup");
}

/* What ADDRESS means, as "CLASS target target". */
static const char *
means(const char *address)
{
	static const char *const words[] = { "local",   "alias",    "relay", "remote",
		                             "no-user", "disabled", "loop",  "temporary" };
	static char text[4096];
	struct view view = view_of_index(world.index);
	struct buffer out, said = { .data = text, .size = sizeof(text), .limit = sizeof(text) };
	struct wire_reader reader;
	uint32_t count, short_count;
	enum table_class class;

	buffer_init(&out, 1 << 20);
	class = resolve_expand(&view, &world.settings, slice_from_string(address), &out, &count);
	ck_assert_int_eq(
		resolve_expand(&view, &world.settings, slice_from_string(address), NULL, &short_count),
		class);
	buffer_printf(&said, "%s", words[class]);
	reader = wire_read(buffer_slice(&out));
	for (uint32_t i = 0; i < count; i++) {
		bool remote = wire_get_u8(&reader) == TABLE_TARGET_REMOTE;
		struct slice target = wire_get_slice(&reader);

		buffer_printf(&said, " %.*s", (int)target.length, target.data);
		if (remote) {
			say_route(&reader, &said);
		} else {
			wire_get_slice(&reader);
			wire_get_u64(&reader);
			wire_get_slice(&reader);
		}
	}
	ck_assert(wire_done(&reader));
	ck_assert_int_eq(buffer_append(&said, "", 1), 0);
	buffer_free(&out);
	return text;
}

static void
add_some(void)
{
	ck_assert_int_eq(add("domain example.org"), ADMIN_OK);
	ck_assert_int_eq(add("domain relayed.example kind=relay"), ADMIN_OK);
	ck_assert_int_eq(add("user alice@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("user bob@example.org"), ADMIN_OK);
}

START_TEST(addresses_mean_what_was_added)
{
	world_open();
	add_some();
	ck_assert_str_eq(means("Alice@EXAMPLE.org"), "local alice@example.org");
	ck_assert_str_eq(means("alice+Tag@example.org"), "local alice+Tag@example.org");
	ck_assert_str_eq(means("carol@example.org"), "no-user");
	ck_assert_str_eq(means("+alice@example.org"), "no-user");
	ck_assert_str_eq(means("anybody@relayed.example"), "relay anybody@relayed.example backup");
	ck_assert_str_eq(means("anybody@elsewhere.example"), "remote anybody@elsewhere.example");
	ck_assert_str_eq(means("alice"), "no-user");
	ck_assert_str_eq(means(""), "no-user");
	ck_assert_str_eq(means("@example.org"), "no-user");
	world_close();
}
END_TEST

START_TEST(an_alias_leads_to_each_of_its_targets_once)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("alias both@example.org "
	                     "to=alice@example.org,bob@example.org,X@Remote.example,alice@example.org"),
	                 ADMIN_OK);
	ck_assert_int_eq(add("alias all@example.org "
	                     "to=both@example.org,bob@example.org,X@remote.example,relay@relayed.example"),
	                 ADMIN_OK);
	ck_assert_str_eq(means("both@example.org"),
	                 "alias alice@example.org bob@example.org X@remote.example");
	ck_assert_str_eq(means("all+tag@example.org"),
	                 "alias bob@example.org X@remote.example relay@relayed.example backup alice@example.org");
	world_close();
}
END_TEST

START_TEST(a_target_that_leads_nowhere_is_left_out_as_long_as_another_does_not)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("alias a@example.org to=nobody@example.org,bob@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias b@example.org to=nobody@example.org"), ADMIN_OK);
	ck_assert_str_eq(means("a@example.org"), "alias bob@example.org");
	ck_assert_str_eq(means("b@example.org"), "no-user");
	world_close();
}
END_TEST

START_TEST(a_catch_all_takes_what_has_no_name_of_its_own)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("alias @example.org to=bob@example.org"), ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "local alice@example.org");
	ck_assert_str_eq(means("whoever@example.org"), "alias bob@example.org");
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_ENABLED, "user alice@example.org enabled=no"),
	                 ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "disabled");
	world_close();
}
END_TEST

START_TEST(a_circle_of_aliases_is_refused_when_it_is_made)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("alias a@example.org to=b@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias b@example.org to=c@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias c@example.org to=bob@example.org,A@example.org"), ADMIN_REFUSED);
	ck_assert_ptr_nonnull(strstr(world.reply.message, "c@example.org"));
	ck_assert_int_eq(add("alias c@example.org to=bob@example.org"), ADMIN_OK);
	ck_assert_int_eq(
		call_line(ADMIN_SET, 0, ADMIN_FIELD_TARGETS_ADD, "alias c@example.org to=a@example.org"),
		ADMIN_REFUSED);
	ck_assert_int_eq(add("alias self@example.org to=self@example.org"), ADMIN_REFUSED);
	ck_assert_int_eq(add("alias @example.org to=x@example.org"), ADMIN_REFUSED);
	ck_assert_str_eq(means("a@example.org"), "alias bob@example.org");
	world_close();
}
END_TEST

START_TEST(a_circle_that_a_deletion_closes_is_bounded_and_found_by_check)
{
	struct admin_call check = { .verb = ADMIN_CHECK };

	world_open();
	add_some();
	ck_assert_int_eq(add("alias @example.org to=x@example.org,bob@example.org"), ADMIN_REFUSED);
	ck_assert_int_eq(add("user x@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias @example.org to=x@example.org"), ADMIN_OK);
	ck_assert_int_eq(run(&check), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 0);
	ck_assert_int_eq(del(ADMIN_USER, "x@example.org", 0), ADMIN_OK);
	ck_assert_str_eq(means("whoever@example.org"), "loop");
	ck_assert_int_eq(run(&check), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 1);
	world_close();
}
END_TEST

START_TEST(aliases_that_lead_too_far_or_to_too_many_are_refused)
{
	char line[4096];
	size_t used;

	world_open();
	add_some();
	ck_assert_int_eq(add("alias d0@example.org to=bob@example.org"), ADMIN_OK);
	for (int i = 1; i < 5; i++) {
		snprintf(line, sizeof(line), "alias d%d@example.org to=d%d@example.org", i, i - 1);
		ck_assert_int_eq(add(line), ADMIN_OK);
	}
	ck_assert_str_eq(means("d4@example.org"), "alias bob@example.org");
	ck_assert_int_eq(add("alias d5@example.org to=d4@example.org"), ADMIN_REFUSED);
	used = (size_t)snprintf(line, sizeof(line), "alias many@example.org to=r0@remote.example");
	for (int i = 1; i < 51; i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, ",r%d@remote.example", i);
	ck_assert_int_eq(add(line), ADMIN_REFUSED);
	*strrchr(line, ',') = '\0';
	ck_assert_int_eq(add(line), ADMIN_OK);
	world_close();
}
END_TEST

START_TEST(an_alias_that_names_itself_keeps_a_copy_for_the_user)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("alias alice@example.org to=alice@example.org,copy@remote.example"), ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "alias alice@example.org copy@remote.example");
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_ENABLED,
	                           "alias alice@example.org to=x@y.example enabled=no"),
	                 ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "local alice@example.org");
	world_close();
}
END_TEST

START_TEST(postmaster_always_answers)
{
	world_open();
	ck_assert_str_eq(means("postmaster"), "local postmaster@mx.example.org");
	ck_assert_str_eq(means("PostMaster@MX.example.org"), "local postmaster@mx.example.org");
	ck_assert_str_eq(means("root@mx.example.org"), "no-user");
	add_some();
	ck_assert_str_eq(means("postmaster@example.org"), "local postmaster@mx.example.org");
	ck_assert_str_eq(means("postmaster@[127.0.0.1]"), "local postmaster@mx.example.org");
	ck_assert_str_eq(means("postmaster@[IPv6:::1]"), "local postmaster@mx.example.org");
	ck_assert_str_eq(means("postmaster@[192.0.2.1]"), "remote postmaster@[192.0.2.1]");
	ck_assert_str_eq(means("postmaster@relayed.example"), "relay postmaster@relayed.example backup");
	ck_assert_int_eq(add("alias postmaster to=alice@example.org"), ADMIN_OK);
	ck_assert_str_eq(means("postmaster@example.org"), "alias alice@example.org");
	ck_assert_str_eq(means("postmaster"), "alias alice@example.org");
	ck_assert_int_eq(add("user postmaster@example.org"), ADMIN_OK);
	ck_assert_str_eq(means("postmaster@example.org"), "local postmaster@example.org");
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_ENABLED, "domain example.org enabled=no"),
	                 ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "disabled");
	ck_assert_str_eq(means("postmaster@example.org"), "local postmaster@mx.example.org");
	world_close();
}
END_TEST

START_TEST(what_is_added_twice_or_contradicts_the_table_is_refused_with_a_reason)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("domain Example.ORG"), ADMIN_EXISTS);
	ck_assert_int_eq(call_line(ADMIN_ADD, ADMIN_IF_NOT_EXISTS, 0, "user alice@example.org quota=1G"),
	                 ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 0);
	ck_assert_int_eq(add("user ALICE@example.org"), ADMIN_EXISTS);
	ck_assert_int_eq(add("user a@unknown.example"), ADMIN_REFUSED);
	ck_assert_ptr_nonnull(strstr(world.reply.message, "dbtool domain add unknown.example"));
	ck_assert_int_eq(add("user a@relayed.example"), ADMIN_REFUSED);
	ck_assert_int_eq(add("user x@example.org path=../bob"), ADMIN_INVALID);
	ck_assert_int_eq(add("user x/y@example.org"), ADMIN_INVALID);
	ck_assert_int_eq(add("user x@example.org password=secret"), ADMIN_INVALID);
	ck_assert_int_eq(add("user x@example.org send-as=nonsense"), ADMIN_INVALID);
	ck_assert_int_eq(add("user nonsense"), ADMIN_INVALID);
	ck_assert_int_eq(add("domain exa_mple..org"), ADMIN_INVALID);
	ck_assert_int_eq(add("alias x@example.org"), ADMIN_INVALID);
	ck_assert_int_eq(del(ADMIN_USER, "nobody@example.org", 0), ADMIN_NOT_FOUND);
	ck_assert_int_eq(del(ADMIN_USER, "nobody@example.org", ADMIN_IF_EXISTS), ADMIN_OK);
	world_close();
}
END_TEST

START_TEST(a_domain_goes_with_its_users_only_when_that_is_said)
{
	char line[64];

	world_open();
	add_some();
	for (int i = 0; i < 600; i++) {
		snprintf(line, sizeof(line), "user u%d@example.org", i);
		ck_assert_int_eq(add(line), ADMIN_OK);
	}
	ck_assert_int_eq(add("domain example.org.uk"), ADMIN_OK);
	ck_assert_int_eq(add("user stays@example.org.uk"), ADMIN_OK);
	ck_assert_int_eq(del(ADMIN_DOMAIN, "example.org", 0), ADMIN_REFUSED);
	ck_assert_int_eq(del(ADMIN_DOMAIN, "example.org", ADMIN_RECURSIVE), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 603);
	ck_assert_str_eq(means("u599@example.org"), "remote u599@example.org");
	ck_assert_str_eq(means("stays@example.org.uk"), "local stays@example.org.uk");
	ck_assert_uint_eq(index_count(world.index), 3);
	world_close();
}
END_TEST

static void
paper_put(struct buffer *paper, uint32_t number, const char *text)
{
	char problem[LINE_PROBLEM_SIZE];
	struct wire_writer writer;
	struct line line;

	line_init(&line);
	ck_assert_int_eq(line_parse(&line, slice_from_string(text), problem), 1);
	writer = wire_begin(paper, ADMIN_RECORD, 0, number);
	admin_record_put(&writer, &line.record);
	ck_assert_int_eq(wire_end(&writer), 0);
	line_free(&line);
}

static enum admin_status
import(const struct buffer *paper)
{
	struct admin_call call = { .verb = ADMIN_IMPORT };

	ck_assert_int_eq(ftruncate(world.file, 0), 0);
	ck_assert_int_eq(pwrite(world.file, paper->data, buffer_length(paper), 0),
	                 (ssize_t)buffer_length(paper));
	return run(&call);
}

START_TEST(an_import_adds_all_or_nothing_and_names_the_line)
{
	struct buffer paper;
	char line[64];

	world_open();
	buffer_init(&paper, 1 << 20);
	paper_put(&paper, 1, "domain example.org");
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "user u%u@example.org", i);
		paper_put(&paper, i + 2, line);
	}
	paper_put(&paper, 5000, "user u7@example.org");
	ck_assert_int_eq(import(&paper), ADMIN_EXISTS);
	ck_assert_ptr_nonnull(strstr(world.reply.message, "line 5000:"));
	ck_assert_uint_eq(index_count(world.index), 0);
	ck_assert_str_eq(means("u7@example.org"), "remote u7@example.org");
	paper.end -= 60; /* a file that is cut off */
	ck_assert_int_eq(import(&paper), ADMIN_INVALID);
	ck_assert_uint_eq(index_count(world.index), 0);
	buffer_clear(&paper);
	paper_put(&paper, 1, "domain example.org");
	paper_put(&paper, 2, "user u7@example.org");
	ck_assert_int_eq(import(&paper), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 2);
	ck_assert_str_eq(means("u7@example.org"), "local u7@example.org");
	buffer_free(&paper);
	world_close();
}
END_TEST

START_TEST(the_index_read_from_the_table_is_the_one_that_the_changes_made)
{
	struct index *loaded = index_new();
	struct slice value, other;

	world_open();
	add_some();
	ck_assert_int_eq(add("alias @example.org to=bob@example.org"), ADMIN_OK);
	ck_assert_int_eq(del(ADMIN_USER, "alice@example.org", 0), ADMIN_OK);
	ck_assert_int_eq(index_load(loaded, world.fixture.table), 0);
	ck_assert_uint_eq(index_count(loaded), index_count(world.index));
	ck_assert(index_find(loaded, TABLE_SPACE_USER, SLICE("example.org@bob"), &value));
	ck_assert(index_find(world.index, TABLE_SPACE_USER, SLICE("example.org@bob"), &other));
	ck_assert(slice_equal(value, other));
	ck_assert(!index_find(loaded, TABLE_SPACE_USER, SLICE("example.org@alice"), &value));
	index_free(&loaded);
	world_close();
}
END_TEST

START_TEST(a_login_names_a_user_and_perhaps_a_folder)
{
	struct view view;
	struct login login;

	world_open();
	add_some();
	view = view_of_index(world.index);
	ck_assert_int_eq(login_find(&view, '+', SLICE("ALICE+Work.Old@Example.org"), &login), 0);
	ck_assert(login.known && login.user.enabled);
	ck_assert_slice(name_key(&login.name), "example.org@alice");
	ck_assert_str_eq(login.folder, "Work.Old");
	ck_assert_int_eq(login_find(&view, '+', SLICE("alice@example.org"), &login), 0);
	ck_assert(login.known);
	ck_assert_str_eq(login.folder, "");
	ck_assert_int_eq(login_find(&view, '+', SLICE("alice+../x@example.org"), &login), 0);
	ck_assert(!login.known);
	ck_assert_int_eq(login_find(&view, '+', SLICE("alice+@example.org"), &login), 0);
	ck_assert(!login.known);
	ck_assert_int_eq(login_find(&view, '+', SLICE("alice"), &login), 0);
	ck_assert(!login.known);
	ck_assert_int_eq(login_find(&view, '\0', SLICE("alice+Work@example.org"), &login), 0);
	ck_assert(!login.known);
	world_close();
}
END_TEST

START_TEST(mail_for_other_domains_takes_the_nearest_route)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("route far.example via=smtp://one"), ADMIN_OK);
	ck_assert_int_eq(add("route .far.example via=smtp://two"), ADMIN_OK);
	ck_assert_int_eq(add("route .deep.far.example via=reject"), ADMIN_OK);
	ck_assert_str_eq(means("a@far.example"), "remote a@far.example via smtp://one");
	ck_assert_str_eq(means("a@B.far.example"), "remote a@B.far.example via smtp://two");
	ck_assert_str_eq(means("a@deep.far.example"), "remote a@deep.far.example via smtp://two");
	ck_assert_str_eq(means("a@x.y.deep.far.example"), "remote a@x.y.deep.far.example via reject");
	ck_assert_str_eq(means("a@notfar.example"), "remote a@notfar.example");
	ck_assert_int_eq(add("route * via=smtp://smart"), ADMIN_OK);
	ck_assert_str_eq(means("a@notfar.example"), "remote a@notfar.example via smtp://smart");
	ck_assert_str_eq(means("a@[192.0.2.1]"), "remote a@[192.0.2.1] via smtp://smart");
	ck_assert_int_eq(add("alias all@example.org to=a@far.example,b@relayed.example,c@else.example"), ADMIN_OK);
	ck_assert_str_eq(means("all@example.org"), "alias a@far.example via smtp://one b@relayed.example backup c@else.example via smtp://smart");
	ck_assert_int_eq(del(ADMIN_ROUTE, "*", 0), ADMIN_OK);
	ck_assert_int_eq(del(ADMIN_ROUTE, "Far.example", 0), ADMIN_OK);
	ck_assert_str_eq(means("a@far.example"), "remote a@far.example");
	world_close();
}
END_TEST

START_TEST(a_domain_in_utf_8_and_in_a_labels_takes_the_same_route)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("route B\303\274cher.example via=smtp://one"), ADMIN_OK);
	ck_assert_int_eq(add("route xn--bcher-kva.example via=smtp://two"), ADMIN_EXISTS);
	ck_assert_int_eq(add("route .b\303\274cher.example via=reject"), ADMIN_OK);
	ck_assert_str_eq(means("a@xn--bcher-kva.example"), "remote a@xn--bcher-kva.example via smtp://one");
	ck_assert_str_eq(means("a@b\303\274cher.example"), "remote a@b\303\274cher.example via smtp://one");
	ck_assert_str_eq(means("a@x.B\303\234CHER.example"), "remote a@x.B\303\234CHER.example via reject");
	ck_assert_int_eq(add("route \xc2\xad.example via=mx"), ADMIN_INVALID);
	world_close();
}
END_TEST

START_TEST(a_relayed_domain_takes_its_own_route_but_not_the_smarthost)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("route * via=smtp://smart"), ADMIN_OK);
	ck_assert_str_eq(means("a@relayed.example"), "relay a@relayed.example backup");
	ck_assert_int_eq(add("route relayed.example via=lmtp://inside:24"), ADMIN_OK);
	ck_assert_str_eq(means("a@relayed.example"), "relay a@relayed.example via lmtp://inside:24");
	world_close();
}
END_TEST

START_TEST(a_local_domain_takes_no_route)
{
	world_open();
	add_some();
	ck_assert_int_eq(add("route example.org via=mx"), ADMIN_REFUSED);
	ck_assert_int_eq(add("route mx.example.org via=mx"), ADMIN_REFUSED);
	ck_assert_int_eq(add("route .example.org via=mx"), ADMIN_OK);
	ck_assert_int_eq(add("route other.example via=mx"), ADMIN_OK);
	ck_assert_int_eq(add("domain other.example"), ADMIN_REFUSED);
	ck_assert_ptr_nonnull(strstr(world.reply.message, "dbtool route del other.example"));
	ck_assert_int_eq(add("domain other.example kind=relay"), ADMIN_OK);
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_KIND, "domain other.example"), ADMIN_REFUSED);
	ck_assert_int_eq(del(ADMIN_ROUTE, "other.example", 0), ADMIN_OK);
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_KIND, "domain other.example"), ADMIN_OK);
	ck_assert_str_eq(means("a@other.example"), "no-user");
	ck_assert_int_eq(add("route .other.example via=discard"), ADMIN_OK);
	ck_assert_str_eq(means("alice@example.org"), "local alice@example.org");
	world_close();
}
END_TEST

START_TEST(a_route_is_added_once_then_set_and_deleted)
{
	struct admin_call check = { .verb = ADMIN_CHECK, .noun = ADMIN_TABLE };

	world_open();
	add_some();
	ck_assert_int_eq(call_line(ADMIN_SET, 0, 0, "route far.example via=mx"), ADMIN_NOT_FOUND);
	ck_assert_int_eq(add("route FAR.example via=mx"), ADMIN_OK);
	ck_assert_int_eq(add("route far.example via=reject"), ADMIN_EXISTS);
	ck_assert_int_eq(call_line(ADMIN_ADD, ADMIN_IF_NOT_EXISTS, 0, "route far.example via=reject"), ADMIN_OK);
	ck_assert_str_eq(means("a@far.example"), "remote a@far.example");
	ck_assert_int_eq(call_line(ADMIN_SET, 0, 0, "route far.example via=reject"), ADMIN_OK);
	ck_assert_str_eq(means("a@far.example"), "remote a@far.example via reject");
	ck_assert_int_eq(add("route a@b via=mx"), ADMIN_INVALID);
	ck_assert_int_eq(add("route . via=mx"), ADMIN_INVALID);
	ck_assert_int_eq(add("route *.example via=mx"), ADMIN_INVALID);
	ck_assert_int_eq(run(&check), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 0);
	ck_assert_int_eq(add("route b via=lmtp:/run/not-allowed"), ADMIN_OK);
	ck_assert_int_eq(run(&check), ADMIN_OK);
	ck_assert_uint_eq(world.reply.count, 1);
	ck_assert_int_eq(del(ADMIN_ROUTE, "far.example", 0), ADMIN_OK);
	ck_assert_int_eq(del(ADMIN_ROUTE, "far.example", 0), ADMIN_NOT_FOUND);
	ck_assert_int_eq(del(ADMIN_ROUTE, "far.example", ADMIN_IF_EXISTS), ADMIN_OK);
	world_close();
}
END_TEST

START_TEST(a_call_reads_back_as_it_was_written_and_unknown_flags_are_malformed)
{
	struct admin_call call = { .verb = ADMIN_SET,
		                   .noun = ADMIN_USER,
		                   .flags = ADMIN_IF_EXISTS,
		                   .fields = ADMIN_FIELD_QUOTA,
		                   .name = SLICE("a@b"),
		                   .record = SLICE("record") };
	struct admin_call again;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 1024);
	writer = wire_begin_bare(&out);
	admin_call_put(&writer, &call);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&out));
	ck_assert(admin_call_get(&reader, &again));
	ck_assert_int_eq(again.verb, ADMIN_SET);
	ck_assert_slice(again.name, "a@b");
	ck_assert_slice(again.record, "record");
	out.data[5] = 1;
	reader = wire_read(buffer_slice(&out));
	ck_assert(!admin_call_get(&reader, &again));
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("table_admin", a_domain_in_utf_8_and_in_a_labels_takes_the_same_route,
          mail_for_other_domains_takes_the_nearest_route, a_relayed_domain_takes_its_own_route_but_not_the_smarthost,
          a_local_domain_takes_no_route, a_route_is_added_once_then_set_and_deleted,
          addresses_mean_what_was_added, an_alias_leads_to_each_of_its_targets_once,
          a_target_that_leads_nowhere_is_left_out_as_long_as_another_does_not,
          a_catch_all_takes_what_has_no_name_of_its_own, a_circle_of_aliases_is_refused_when_it_is_made,
          a_circle_that_a_deletion_closes_is_bounded_and_found_by_check,
          aliases_that_lead_too_far_or_to_too_many_are_refused,
          an_alias_that_names_itself_keeps_a_copy_for_the_user, postmaster_always_answers,
          what_is_added_twice_or_contradicts_the_table_is_refused_with_a_reason,
          a_domain_goes_with_its_users_only_when_that_is_said,
          an_import_adds_all_or_nothing_and_names_the_line,
          the_index_read_from_the_table_is_the_one_that_the_changes_made,
          a_login_names_a_user_and_perhaps_a_folder,
          a_call_reads_back_as_it_was_written_and_unknown_flags_are_malformed)
