/*
 * The scheduler: bodies in files that are not what they were, whoever finds that.
 */
#include "common/base/checksum.h"
#include "t/unit/schedule_fixture.h"

enum { LARGE = 600 * 1024 }; /* bytes: more than is looked at in one turn */

static char text[LARGE];

/* What is submitted from now on is large and in a file. */
static void
use_files(void)
{
	memset(text, 'x', sizeof(text));
	memcpy(text, "Subject: about files\r\n\r\n", 24);
	letter = slice_of(text, sizeof(text));
	letter_in_file = true;
}

static const char *
body_path(uint64_t id)
{
	char name[QUEUEID_SIZE];

	queueid_format(id, name);
	return fixture_path("body", name);
}

static void
damage(uint64_t id, off_t offset)
{
	int fd = open(body_path(id), O_RDWR);
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= 16;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

/* The only job is a report to the sender, which says WORDS and not OTHERS. */
static void
expect_report(const char *words, const char *others)
{
	const struct job *job = local.jobs[0];
	struct slice body;

	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(job_sender(job).length, 0);
	ck_assert_int_eq(active_load(job->consignment->active), 0);
	body = job->consignment->active->payload.body;
	ck_assert_ptr_nonnull(memmem(body.data, body.length, words, strlen(words)));
	ck_assert_ptr_null(memmem(body.data, body.length, others, strlen(others)));
}

static void
expect_damage_report(const char *words, const char *others)
{
	expect_report(words, others);
	expect_report("Status: 5.3.0", others);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2); /* record and body */
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	fixture_settle();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
}

START_TEST(a_job_says_the_checksum_of_its_body)
{
	use_files();
	submit("user@example.org");
	run();
	ck_assert_int_eq(active_load(local.jobs[0]->consignment->active), 0);
	ck_assert_uint_eq(local.jobs[0]->consignment->active->payload.sums.whole, checksum_crc32c(0, text, sizeof(text)));
}
END_TEST

START_TEST(a_damaged_body_is_set_aside_and_its_sender_told)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	damage(id, LARGE - 1);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_damage_report("Subject: about files", "xxxx"); /* the header section is as it was */
}
END_TEST

START_TEST(a_damaged_header_section_is_not_returned)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	damage(id, 10);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_damage_report("5.3.0", "Subject: ab");
}
END_TEST

START_TEST(a_body_that_was_cut_or_is_gone_is_damaged)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	ck_assert_int_eq(truncate(body_path(id), LARGE - 1), 0);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_damage_report("Subject: about files", "xxxx");
	id = submit("user@example.org");
	run();
	store_remove_body(fixture.store, id);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_report("Status: 5.3.0", "Subject: about files");
}
END_TEST

START_TEST(a_worker_that_is_wrong_about_a_body_only_makes_it_late)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert(!store_find(fixture.store, id)->damaged);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
	pass_to(now + 900);
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_body_inside_of_a_record_is_not_doubted)
{
	submit("user@example.org");
	run();
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	pass_to(now + 900);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
}
END_TEST

START_TEST(what_was_delivered_stays_so_and_the_rest_is_returned)
{
	const char *recipients[] = { "user@example.org", "far@elsewhere.example" };
	uint64_t id;

	use_files();
	id = submit_from("sender@example.org", recipients, 2, 0);
	run();
	finish_job(JOB_DONE, "2.1.5", "");
	damage(id, LARGE / 2);
	relay_finish(RELAY_DESTINATION_UP, JOB_DAMAGED, "damaged");
	expect_damage_report("Final-Recipient: rfc822; far@elsewhere.example", "user@example.org");
}
END_TEST

START_TEST(what_waits_for_its_destination_is_returned_with_it)
{
	const char *recipients[] = { "user@example.org", "far@elsewhere.example" };
	uint64_t id;

	use_files();
	id = submit_from("sender@example.org", recipients, 2, 0);
	run();
	relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "no host");
	ck_assert_uint_eq(relay.job_count, 0);
	damage(id, LARGE / 2);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_report("far@elsewhere.example", "Action: delayed");
	expect_damage_report("user@example.org", "Action: delayed");
}
END_TEST

START_TEST(a_message_that_is_removed_while_its_body_is_looked_at_is_over)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	damage(id, 5);
	report(take_job(&local), JOB_DAMAGED, "4.3.0", "damaged", -1);
	one_turn();
	schedule_remove(schedule, store_find(fixture.store, id));
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_held_message_that_is_damaged_waits_for_the_administrator)
{
	uint64_t id;

	use_files();
	id = submit("user@example.org");
	run();
	damage(id, 100 * 1024);
	schedule_hold(schedule, store_find(fixture.store, id));
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	ck_assert_uint_eq(local.job_count, 0);
	schedule_release(schedule, store_find(fixture.store, id));
	run();
	expect_damage_report("Subject: about files", "xxxx");
}
END_TEST

START_TEST(a_stop_in_the_middle_of_a_look_leaves_all_as_it_was)
{
	uint64_t first, second;

	use_files();
	first = submit("user@example.org");
	second = submit("user@example.org");
	run();
	damage(first, LARGE - 1);
	damage(second, LARGE - 1);
	report(take_job(&local), JOB_DAMAGED, "4.3.0", "damaged", -1);
	report(take_job(&local), JOB_DAMAGED, "4.3.0", "damaged", -1);
	one_turn();
	restart();
	ck_assert_uint_eq(local.job_count, 2);
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
}
END_TEST

START_TEST(a_body_that_is_missing_at_the_start_is_returned)
{
	uint64_t id;

	use_files();
	id = submit("later@example.org");
	run();
	store_remove_body(fixture.store, id);
	restart();
	expect_report("Status: 5.3.0", "Subject: about files");
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 1);
	restart();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_damaged_body_from_nobody_is_kept_and_told_to_nobody)
{
	const char *recipient = "user@example.org";
	uint64_t id;

	use_files();
	id = submit_from("", &recipient, 1, 0);
	run();
	damage(id, 5);
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
}
END_TEST

START_TEST(a_report_returns_nothing_of_a_body_that_it_finds_damaged)
{
	uint64_t id;

	use_files();
	config.bounce_size_limit = LARGE;
	id = submit("user@example.org");
	run();
	damage(id, LARGE - 10);
	finish_job(JOB_PERMANENT, "5.2.1", "no");
	expect_report("Status: 5.2.1", "xxxx");
	expect_report("Subject: about files", "xxxx");
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_report_returns_the_whole_of_a_body_that_is_right)
{
	use_files();
	config.bounce_size_limit = LARGE;
	submit("user@example.org");
	run();
	finish_job(JOB_PERMANENT, "5.2.1", "no");
	expect_report("xxxx", "text/rfc822-headers");
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
}
END_TEST

START_TEST(a_wrong_checksum_from_smtpd_costs_its_own_message_and_no_other)
{
	uint64_t other, wrong;

	use_files();
	other = submit("user@example.org");
	wrong = submit("user@example.org");
	damage(wrong, 5); /* which is the same as if its checksums had been wrong from the beginning */
	run();
	ck_assert_uint_eq(local.job_count, 2);
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_ptr_null(store_find(fixture.store, other));
	finish_job(JOB_DAMAGED, "4.3.0", "damaged");
	expect_damage_report("5.3.0", "Subject: about files");
}
END_TEST

UNIT_MAIN_WITH("schedule_damage", setup, teardown, a_job_says_the_checksum_of_its_body,
               a_damaged_body_is_set_aside_and_its_sender_told, a_damaged_header_section_is_not_returned,
               a_body_that_was_cut_or_is_gone_is_damaged,
               a_worker_that_is_wrong_about_a_body_only_makes_it_late,
               a_body_inside_of_a_record_is_not_doubted, what_was_delivered_stays_so_and_the_rest_is_returned,
               what_waits_for_its_destination_is_returned_with_it,
               a_message_that_is_removed_while_its_body_is_looked_at_is_over,
               a_held_message_that_is_damaged_waits_for_the_administrator,
               a_stop_in_the_middle_of_a_look_leaves_all_as_it_was,
               a_body_that_is_missing_at_the_start_is_returned,
               a_damaged_body_from_nobody_is_kept_and_told_to_nobody,
               a_report_returns_nothing_of_a_body_that_it_finds_damaged,
               a_report_returns_the_whole_of_a_body_that_is_right,
               a_wrong_checksum_from_smtpd_costs_its_own_message_and_no_other)
