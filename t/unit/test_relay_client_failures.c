/*
 * Remotes that drop, refuse, stall, or say what they should not, at each step: every recipient has a result then, never a wrong
 * success, and the session
 * is used again only when it is in order.
 */
#include "t/unit/unit.h"

#include "t/unit/relay_world.h"

static struct world *world;

/* A session without PIPELINING, as what the remote says step by step. The first STEPS_READY of them lead to being ready. */
static const char *const steps[] = { "220 hi\r\n", "250 remote\r\n", "250 MAIL\r\n", "250 RCPT\r\n", "354 DATA\r\n", "250 END\r\n" };

enum {
	STEPS = 6,
	STEPS_READY = 2,
};

/* Goes on until the reply to STEP is due. */
static void
go_to(size_t step)
{
	world = world_new();
	world_connect(world);
	for (size_t i = 0; i < step; i++) {
		world_says(world, steps[i]);
		if (i + 1 == STEPS_READY)
			world_send(world);
		world_hears(world);
	}
}

static const struct client_result *
result_of(size_t step)
{
	return step < STEPS_READY ? &world->end.result : &world->recipients[0].result;
}

/* Exactly one callback, with that result. */
static void
ck_failed(size_t step, enum relay_result result, const char *status)
{
	ck_assert_msg(world->ends == (step < STEPS_READY) && world->dones == (step >= STEPS_READY), "step %zu", step);
	ck_assert_msg(result_of(step)->result == result, "step %zu: %s", step, result_of(step)->text);
	ck_assert_msg(strcmp(result_of(step)->status, status) == 0, "step %zu: %s %s", step, result_of(step)->status, result_of(step)->text);
}

START_TEST(a_drop_at_any_step_is_temporary)
{
	for (size_t step = 0; step < STEPS; step++) {
		go_to(step);
		world_drops(world);
		ck_failed(step, RELAY_TEMPORARY, "4.4.2");
		ck_assert(!world->outcome.usable);
		/* Before the reply to MAIL nothing was answered: another connection may serve at once. */
		ck_assert_msg(world->outcome.untouched == (step == STEPS_READY), "step %zu", step);
		world_free(world);
	}
}
END_TEST

START_TEST(a_message_that_was_sent_and_not_acknowledged_may_arrive_twice)
{
	go_to(5);
	world_drops(world);
	ck_assert_ptr_nonnull(strstr(world->recipients[0].result.text, "twice"));
	world_free(world);
}
END_TEST

START_TEST(a_refusal_at_any_step_is_what_the_remote_says_it_is)
{
	for (size_t step = 0; step < STEPS; step++) {
		go_to(step);
		world_says(world, "450 4.3.2 x\r\n");
		ck_failed(step, RELAY_TEMPORARY, "4.3.2");
		world_free(world);
		go_to(step);
		world_says(world, "554 5.3.2 x\r\n");
		if (step == 1) /* EHLO: HELO is tried */
			world_says(world, "554 5.3.2 x\r\n");
		ck_failed(step, RELAY_PERMANENT, "5.3.2");
		if (step >= STEPS_READY)
			ck_assert(world->outcome.usable && !world->outcome.untouched);
		world_free(world);
	}
}
END_TEST

START_TEST(a_421_at_any_step_ends_the_session)
{
	for (size_t step = 0; step < STEPS; step++) {
		go_to(step);
		world_says(world, "421 4.3.2 Going down\r\n");
		ck_failed(step, RELAY_TEMPORARY, "4.3.2");
		ck_assert(step < STEPS_READY ? world->end.busy : world->outcome.busy);
		ck_assert(!world->outcome.usable);
		world_free(world);
	}
}
END_TEST

START_TEST(a_wrong_reply_at_any_step_ends_the_session_and_is_temporary)
{
	static const char *const wrong[] = { "354 x\r\n", "250 x\r\n", "100 x\r\n", "hello\r\n", "250-a\r\n550 b\r\n", "\r\n", "250\0x\r\n" };

	for (size_t step = 0; step < STEPS; step++) {
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			if (strncmp(wrong[i], steps[step], 1) == 0 && wrong[i][3] == ' ')
				continue;
			go_to(step);
			world_says_bytes(world, i == 6 ? slice_of("250\0x\r\n", 7) : slice_from_string(wrong[i]));
			ck_failed(step, RELAY_TEMPORARY, "4.5.0");
			ck_assert(!world->outcome.usable);
			world_free(world);
		}
	}
}
END_TEST

START_TEST(a_remote_that_says_nothing_times_out_at_each_step)
{
	for (size_t step = 0; step < STEPS; step++) {
		go_to(step);
		world_free(world);
		world = world_new();
		world->settings.command_timeout = world->settings.data_timeout = world->settings.end_timeout = 50;
		world_connect(world);
		for (size_t i = 0; i < step; i++) {
			world_says(world, steps[i]);
			if (i + 1 == STEPS_READY)
				world_send(world);
		}
		world_wait(world);
		ck_failed(step, RELAY_TEMPORARY, "4.4.2");
		ck_assert_msg(strncmp(result_of(step)->text, "Timeout", 7) == 0, "%s", result_of(step)->text);
		world_free(world);
	}
}
END_TEST

START_TEST(dripping_bytes_do_not_put_a_timeout_off)
{
	world = world_new();
	world->settings.command_timeout = 100;
	world_connect(world);
	for (int i = 0; i < 200 && world->ends == 0; i++) {
		world_says(world, i == 0 ? "220-" : "x");
		event_base_loopexit(world->base, &(struct timeval){ .tv_usec = 2000 });
		event_base_dispatch(world->base);
	}
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_str_eq(world->end.result.text, "Timeout while waiting for the greeting");
	world_free(world);
}
END_TEST

START_TEST(a_reply_without_end_is_given_up_at_each_step)
{
	static char lines[100 * 1024];

	for (size_t at = 0; at + 10 <= sizeof(lines); at += 10)
		memcpy(lines + at, "250-12345\n", 10);
	for (size_t step = 0; step < STEPS; step++) {
		go_to(step);
		world_says_bytes(world, slice_of(lines, sizeof(lines) / 10 * 10));
		ck_failed(step, RELAY_TEMPORARY, "4.5.0");
		world_free(world);
		go_to(step);
		memset(lines, 'x', 50000);
		memcpy(lines, "250 ", 4);
		world_says_bytes(world, slice_of(lines, 50000));
		ck_failed(step, RELAY_TEMPORARY, "4.5.0");
		world_free(world);
		for (size_t at = 0; at + 10 <= 50000; at += 10)
			memcpy(lines + at, "250-12345\n", 10);
	}
}
END_TEST

START_TEST(a_reply_before_its_command_ends_the_session)
{
	world = world_new();
	world_connect(world);
	world_says(world, "220 hi\r\n250 hi\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_uint_eq(world->readies, 0);
	ck_assert_str_eq(world->end.result.status, "4.5.0");
	world_free(world);

	go_to(2);
	world_says(world, "250 MAIL\r\n250 RCPT\r\n354 DATA\r\n250 Yes\r\n");
	ck_failed(2, RELAY_TEMPORARY, "4.5.0");
	world_free(world);
}
END_TEST

START_TEST(what_is_said_after_the_last_reply_spoils_the_session_and_not_the_result)
{
	go_to(5);
	world_says(world, "250 Ok\r\n421 and goodbye\r\n");
	ck_failed(5, RELAY_DONE, "2.0.0");
	ck_assert(!world->outcome.usable);
	ck_assert_uint_eq(world->ends, 0);
	world_free(world);
}
END_TEST

START_TEST(what_is_put_behind_starttls_in_the_clear_ends_the_session)
{
	world = world_new();
	world->settings.tls = CLIENT_TLS_MAY;
	world_connect(world);
	world_says(world, "220 hi\r\n");
	world_says(world, "250-remote\r\n250 STARTTLS\r\n");
	world_says(world, "220 go on\r\n250-remote\r\n250 AUTH PLAIN\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_str_eq(world->end.result.status, "4.5.0");
	ck_assert(!world->end.tls_failed);
	world_free(world);
}
END_TEST

START_TEST(an_idle_session_that_is_closed_is_nobodys_fault)
{
	go_to(2);
	world_free(world);
	world = world_new();
	world_ready(world, "");
	world_says(world, "421 Idle\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert(world->end.ready && world->end.busy);
	world_free(world);
	world = world_new();
	world_ready(world, "");
	world_drops(world);
	ck_assert_uint_eq(world->ends, 1);
	ck_assert(world->end.ready && !world->end.busy);
	world_free(world);
	world = world_new();
	world_ready(world, "");
	world_says(world, "250 By the way\r\n");
	ck_assert_uint_eq(world->ends, 1);
	world_free(world);
}
END_TEST

START_TEST(a_pipelined_drop_keeps_the_answers_that_have_come)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n");
	world->transaction.recipient_count = 3;
	world_send(world);
	world_says(world, "250 Ok\r\n550 5.1.1 no\r\n250 Ok\r\n");
	world_hears(world);
	world_drops(world);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_PERMANENT);
	ck_assert_int_eq(world->recipients[1].result.result, RELAY_TEMPORARY);
	ck_assert_int_eq(world->recipients[2].result.result, RELAY_TEMPORARY);
	world_free(world);
}
END_TEST

START_TEST(by_lmtp_a_drop_keeps_the_recipients_that_were_acknowledged)
{
	world = world_new();
	world->settings.lmtp = true;
	world_ready(world, "250-PIPELINING\r\n");
	world->transaction.recipient_count = 2;
	world_send(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n250 Ok\r\n354 go\r\n");
	world_says(world, "250 a\r\n");
	world_hears(world);
	world_drops(world);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DONE);
	ck_assert_int_eq(world->recipients[1].result.result, RELAY_TEMPORARY);
	ck_assert(!world->outcome.untouched);
	world_free(world);
}
END_TEST

START_TEST(an_offer_of_chunking_that_is_a_lie_is_found_out)
{
	static const char *const lies[] = { "500 5.5.1 What\r\n", "502 What\r\n" };

	for (size_t i = 0; i < 2; i++) {
		world = world_new();
		world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
		world_send(world);
		world_says(world, "250 Ok\r\n250 Ok\r\n");
		world_says(world, lies[i]);
		ck_assert_uint_eq(world->dones, 1);
		ck_assert(world->outcome.chunking_refused && !world->outcome.usable && !world->outcome.untouched);
		ck_assert_int_eq(world->recipients[0].result.result, RELAY_TEMPORARY);
		world_free(world);
	}
	world = world_new();
	world->settings.whole_data = true;
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world_hears(world);
	world_send(world);
	ck_assert_ptr_nonnull(strstr(world_hears(world), "\r\nDATA\r\n"));
	world_free(world);
}
END_TEST

START_TEST(an_offer_of_pipelining_that_loses_replies_times_out)
{
	world = world_new();
	world->settings.data_timeout = 50;
	world_ready(world, "250-PIPELINING\r\n");
	world->transaction.recipient_count = 3;
	world_send(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n550 No\r\n250 Ok\r\n");
	world_wait(world);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_TEMPORARY);
	ck_assert_int_eq(world->recipients[1].result.result, RELAY_PERMANENT);
	ck_assert_str_eq(world->recipients[2].result.text, "Timeout while waiting for the reply to DATA");
	world_free(world);
}
END_TEST

START_TEST(a_refused_rset_ends_the_session_before_anything_was_sent)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n");
	world_send(world);
	world_says(world, "250 Ok\r\n550 No\r\n503 No\r\n");
	ck_assert_uint_eq(world->dones, 1);
	world_send(world);
	world_says(world, "500 What\r\n");
	ck_assert_uint_eq(world->dones, 2);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_TEMPORARY);
	ck_assert(!world->outcome.usable && world->outcome.untouched);
	world_free(world);
}
END_TEST

START_TEST(words_of_the_remote_are_made_printable)
{
	go_to(3);
	world_says(world, "550 a\x07\x1b[31m\r\n");
	ck_assert_str_eq(world->recipients[0].result.text, "550 a??[31m");
	world_free(world);
}
END_TEST

UNIT_MAIN("relay_client_failures", a_drop_at_any_step_is_temporary, a_message_that_was_sent_and_not_acknowledged_may_arrive_twice,
          a_refusal_at_any_step_is_what_the_remote_says_it_is, a_421_at_any_step_ends_the_session, a_wrong_reply_at_any_step_ends_the_session_and_is_temporary,
          a_remote_that_says_nothing_times_out_at_each_step, dripping_bytes_do_not_put_a_timeout_off, a_reply_without_end_is_given_up_at_each_step,
          a_reply_before_its_command_ends_the_session, what_is_said_after_the_last_reply_spoils_the_session_and_not_the_result,
          what_is_put_behind_starttls_in_the_clear_ends_the_session, an_idle_session_that_is_closed_is_nobodys_fault,
          a_pipelined_drop_keeps_the_answers_that_have_come, by_lmtp_a_drop_keeps_the_recipients_that_were_acknowledged,
          an_offer_of_chunking_that_is_a_lie_is_found_out, an_offer_of_pipelining_that_loses_replies_times_out,
          a_refused_rset_ends_the_session_before_anything_was_sent, words_of_the_remote_are_made_printable)
