/*
 * tabled/resolve.h: what addresses mean.
 */
#include "t/unit/table_means.h"

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

UNIT_MAIN("table_resolve",
	addresses_mean_what_was_added,
	an_alias_leads_to_each_of_its_targets_once,
	a_target_that_leads_nowhere_is_left_out_as_long_as_another_does_not,
	a_catch_all_takes_what_has_no_name_of_its_own,
	an_alias_that_names_itself_keeps_a_copy_for_the_user,
	postmaster_always_answers,
	mail_for_other_domains_takes_the_nearest_route,
	a_domain_in_utf_8_and_in_a_labels_takes_the_same_route,
	a_relayed_domain_takes_its_own_route_but_not_the_smarthost,
	a_local_domain_takes_no_route)
