/*
 * common/mail/idna.h.
 */
#include <errno.h>

#include "common/mail/idna.h"
#include "t/unit/unit.h"

static void
becomes(const char *domain, const char *expected)
{
	char ascii[ADDRESS_DOMAIN_MAX + 1];

	ck_assert_msg(idna_to_ascii(slice_from_string(domain), ascii) == 0, "%s", domain);
	ck_assert_str_eq(ascii, expected);
}

START_TEST(a_domain_beyond_ascii_becomes_a_labels)
{
	becomes("b\303\274cher.example", "xn--bcher-kva.example");
	becomes("B\303\234CHER.Example", "xn--bcher-kva.example");
	becomes("bu\314\210cher.example", "xn--bcher-kva.example");
	becomes("fa\xc3\x9f.de", "xn--fa-hia.de"); /* IDNA 2008 tells it from "fass" */
	becomes("\xd7\x90\xd7\x91.example", "xn--4dbc.example");
	becomes("sub.\xe6\x97\xa5\xe6\x9c\xac.example", "sub.xn--wgv71a.example");
}
END_TEST

START_TEST(what_is_ascii_stays_as_it_is)
{
	becomes("example.org", "example.org");
	becomes("xn--bcher-kva.example", "xn--bcher-kva.example");
	becomes("[192.0.2.1]", "[192.0.2.1]");
	becomes("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]");
}
END_TEST

START_TEST(what_is_no_domain_is_refused)
{
	static const char *const wrong[] = {
		"", ".", "a..b", "b\374cher.example", "b\xc3\xbc@cher.example", "\xe2\x80\x8d.example", "-\xc3\xbc.example", "\xef\xbc\x8e.example",
		"\xc2\xad.example", "\xc3\xbc_x.example", "[300.1.1.1]", "xn--a\xc3\xbc.example",
	};
	char label[3 * 70], ascii[ADDRESS_DOMAIN_MAX + 1];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(idna_to_ascii(slice_from_string(wrong[i]), ascii) == -EINVAL, "%zu: %s", i, ascii);
		ck_assert_str_eq(ascii, "");
	}
	for (size_t i = 0; i + 3 <= 3 * 60; i += 3)
		memcpy(label + i, "\xe6\x97\xa5", 3); /* 60 characters, whose A-label is longer than 63 */
	memcpy(label + 3 * 59, "\xe6\x9c\xac", 3);
	ck_assert_int_eq(idna_to_ascii(slice_of(label, 3 * 60), ascii) == 0 && strlen(ascii) > 63, 0);
}
END_TEST

UNIT_MAIN("idna", a_domain_beyond_ascii_becomes_a_labels, what_is_ascii_stays_as_it_is, what_is_no_domain_is_refused)
