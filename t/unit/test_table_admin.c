/*
 * tabled/admin.h: what an administrator does to a table.
 */
#include "t/unit/table_means.h"
#include "tabled/login.h"

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

UNIT_MAIN("table_admin",
	a_circle_of_aliases_is_refused_when_it_is_made,
	a_circle_that_a_deletion_closes_is_bounded_and_found_by_check,
	aliases_that_lead_too_far_or_to_too_many_are_refused,
	what_is_added_twice_or_contradicts_the_table_is_refused_with_a_reason,
	a_domain_goes_with_its_users_only_when_that_is_said,
	an_import_adds_all_or_nothing_and_names_the_line,
	the_index_read_from_the_table_is_the_one_that_the_changes_made,
	a_login_names_a_user_and_perhaps_a_folder,
	a_route_is_added_once_then_set_and_deleted,
	a_call_reads_back_as_it_was_written_and_unknown_flags_are_malformed)
