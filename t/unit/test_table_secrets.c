/*
 * SCRAM keys and app passwords in users' records (tabled/record.h, admin_secret.c), and as whom users may send (may_send.h).
 */
#include "t/unit/table_world.h"
#include "tabled/login.h"
#include "tabled/may_send.h"

static enum admin_status
change(uint32_t fields, const char *item, const char *secret)
{
	struct record_user user = { .enabled = true, .password = SLICE("$y$new") };
	struct admin_call call = { .verb = ADMIN_SET, .noun = ADMIN_USER, .fields = fields, .name = SLICE("alice@example.org") };
	enum admin_status status;
	struct buffer record;

	buffer_init(&record, 4096);
	ck_assert_int_eq(record_user_encode(&user, &record), 0);
	call.record = buffer_slice(&record);
	call.item = slice_from_string(item);
	call.secret = slice_from_string(secret);
	status = run(&call);
	buffer_free(&record);
	return status;
}

static struct record_user
alice(void)
{
	struct view view = view_of_index(world.index);
	struct login login;

	ck_assert_int_eq(login_find(&view, '+', SLICE("alice@example.org"), &login), 0);
	ck_assert(login.known);
	return login.user;
}

/* Whether the secret NAME of alice's was made from PASSWORD. */
static bool
knows(const char *name, const char *password)
{
	struct record_user user = alice();
	struct record_secret secret;
	struct scram_keys keys;

	if (!record_secret_find(user.secrets, slice_from_string(name), &secret))
		return false;
	ck_assert_int_eq(scram_derive(slice_from_string(password), user.salt, user.iterations, &keys), 0);
	return memcmp(&keys, &secret.keys, sizeof(keys)) == 0;
}

static void
begin(void)
{
	world_open();
	ck_assert_int_eq(add("domain example.org"), ADMIN_OK);
	ck_assert_int_eq(add("user alice@example.org path=a"), ADMIN_OK);
}

START_TEST(a_new_password_brings_scram_keys_and_a_ready_hash_takes_them_away)
{
	begin();
	ck_assert_uint_eq(alice().secrets.count, 0);
	ck_assert_int_eq(change(ADMIN_FIELD_PASSWORD, "", "one"), ADMIN_OK);
	ck_assert(knows("", "one"));
	ck_assert_int_eq(change(ADMIN_FIELD_PASSWORD, "", "two"), ADMIN_OK);
	ck_assert(knows("", "two"));
	ck_assert_int_eq(change(ADMIN_FIELD_PASSWORD, "", ""), ADMIN_OK);
	ck_assert_uint_eq(alice().secrets.count, 0);
	ck_assert_slice(alice().password, "$y$new");
	world_close();
}
END_TEST

START_TEST(app_passwords_come_and_go_by_name_and_outlive_a_new_password)
{
	begin();
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "phone", "p"), ADMIN_OK);
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "phone", "q"), ADMIN_EXISTS);
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "laptop", "l"), ADMIN_OK);
	ck_assert_int_eq(change(ADMIN_FIELD_PASSWORD, "", "one"), ADMIN_OK);
	ck_assert(knows("phone", "p") && knows("laptop", "l") && knows("", "one"));
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_REMOVE, "phone", ""), ADMIN_OK);
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_REMOVE, "phone", ""), ADMIN_NOT_FOUND);
	ck_assert(!knows("phone", "p") && knows("laptop", "l"));
	world_close();
}
END_TEST

START_TEST(an_app_password_needs_a_name_and_there_are_not_too_many)
{
	char name[16];

	begin();
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "", "p"), ADMIN_INVALID);
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "a b", "p"), ADMIN_INVALID);
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "a", ""), ADMIN_INVALID);
	for (int i = 0; i < RECORD_SECRETS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, name, "p"), ADMIN_OK);
	}
	ck_assert_int_eq(change(ADMIN_FIELD_SECRET_ADD, "more", "p"), ADMIN_REFUSED);
	world_close();
}
END_TEST

START_TEST(keys_of_a_password_are_taken_over_only_while_the_hash_is_the_same)
{
	begin();
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_PASSWORD, "user alice@example.org password=$1$old"), ADMIN_OK);
#define KEYS "10000:c2FsdA==,:1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_KEYS, "user alice@example.org password=$1$other scram=" KEYS), ADMIN_REFUSED);
	ck_assert_uint_eq(alice().secrets.count, 0);
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_KEYS, "user alice@example.org password=$1$old scram=" KEYS), ADMIN_OK);
	ck_assert_uint_eq(alice().secrets.count, 1);
	ck_assert_slice(alice().salt, "salt");
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_KEYS, "user alice@example.org password=$1$old scram=" KEYS), ADMIN_REFUSED);
	world_close();
}
END_TEST

START_TEST(secrets_are_exported_and_imported_as_text)
{
	static const char *const wrong[] = { "", "10000", "10000:", "10000:c2FsdA==", "1:c2FsdA==,:1:A=:B=", "10000:c2FsdA==,:1:AAAA:AAAA",
		                             "10000:c2FsdA==,a%20b:1:AAAA:AAAA" };
	char text[512], problem[LINE_PROBLEM_SIZE];
	struct buffer out;
	struct line line;

	snprintf(text, sizeof(text), "user a@b scram=" KEYS ",phone:2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
	         "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n");
	line_init(&line);
	buffer_init(&out, 4096);
	ck_assert_int_eq(line_parse(&line, slice_from_string(text), problem), -EINVAL);
	text[strlen(text) - 1] = '\0';
	ck_assert_int_eq(line_parse(&line, slice_from_string(text), problem), 1);
	ck_assert_int_eq(line_format(&line.record, &out), 0);
	ck_assert(slice_equal(slice_first(buffer_slice(&out), buffer_length(&out) - 1), slice_from_string(text)));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "user a@b scram=%s", wrong[i]);
		ck_assert_msg(line_parse(&line, slice_from_string(text), problem) == -EINVAL, "%s", text);
	}
	/* What was read before leaves nothing behind. */
	ck_assert_int_eq(line_parse(&line, SLICE("user a@b"), problem), 1);
	ck_assert_int_eq(line.record.record.data[0], RECORD_VERSION);
	buffer_free(&out);
	line_free(&line);
}
END_TEST

static enum table_may_send
asks(const char *address)
{
	struct view view = view_of_index(world.index);
	struct record_user user = alice();
	enum table_may_send answer;
	struct buffer memory;
	struct name name;

	buffer_init(&memory, 1 << 20);
	ck_assert(name_parse(SLICE("alice@example.org"), &name));
	answer = may_send(&view, &world.settings, &name, &user, slice_from_string(address), &memory);
	ck_assert_uint_eq(buffer_length(&memory), 0);
	buffer_free(&memory);
	return answer;
}

START_TEST(a_user_may_send_as_itself_as_its_aliases_and_as_what_is_listed)
{
	begin();
	ck_assert_int_eq(add("user bob@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("user alice+bob@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias info@example.org to=both@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias both@example.org to=bob@example.org,alice+x@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("alias other@example.org to=bob@example.org,alice@elsewhere.example"), ADMIN_OK);
	ck_assert_int_eq(call_line(ADMIN_SET, 0, ADMIN_FIELD_SEND_AS, "user alice@example.org send-as=alice@elsewhere.example"), ADMIN_OK);
	ck_assert_int_eq(asks("Alice@Example.ORG"), TABLE_MAY_SEND_YES);
	ck_assert_int_eq(asks("alice+tag@example.org"), TABLE_MAY_SEND_YES);
	ck_assert_int_eq(asks("info@example.org"), TABLE_MAY_SEND_YES);
	ck_assert_int_eq(asks("alice@elsewhere.example"), TABLE_MAY_SEND_YES);
	ck_assert_int_eq(asks("other@example.org"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("bob@example.org"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("alice+bob@example.org"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("bob@elsewhere.example"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("nobody@example.org"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("postmaster@example.org"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks("alice"), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(asks(""), TABLE_MAY_SEND_NO);
	ck_assert_int_eq(add("alias @example.org to=alice@example.org"), ADMIN_OK);
	ck_assert_int_eq(asks("nobody@example.org"), TABLE_MAY_SEND_YES);
	world_close();
}
END_TEST

UNIT_MAIN("table_secrets", a_new_password_brings_scram_keys_and_a_ready_hash_takes_them_away,
          app_passwords_come_and_go_by_name_and_outlive_a_new_password, an_app_password_needs_a_name_and_there_are_not_too_many,
          keys_of_a_password_are_taken_over_only_while_the_hash_is_the_same, secrets_are_exported_and_imported_as_text,
          a_user_may_send_as_itself_as_its_aliases_and_as_what_is_listed)
