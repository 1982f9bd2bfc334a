/*
 * relayd/servers.h: resolv.conf.
 */
#include "relayd/servers.h"
#include "t/unit/unit.h"

START_TEST(resolv_conf_names_the_servers)
{
	struct config_endpoints servers;
	char text[INET6_ADDRSTRLEN];

	servers_from_resolv_conf(SLICE("# nameserver 10.0.0.9\nsearch example.com\nnameserver\t192.0.2.1\n nameserver 2001:db8::1 \n"
	                               "nameserver fe80::1%eth0\nnameserver nonsense\nnameserver\nnameservers 10.0.0.8\n"), &servers);
	ck_assert_uint_eq(servers.count, 2);
	config_address_text((const struct sockaddr *)&servers.list[0].address, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1");
	config_address_text((const struct sockaddr *)&servers.list[1].address, text, sizeof(text));
	ck_assert_str_eq(text, "2001:db8::1");
	servers_from_resolv_conf(SLICE(""), &servers);
	ck_assert_uint_eq(servers.count, 1);
	config_address_text((const struct sockaddr *)&servers.list[0].address, text, sizeof(text));
	ck_assert_str_eq(text, "127.0.0.1");
}
END_TEST

UNIT_MAIN("servers", resolv_conf_names_the_servers)
