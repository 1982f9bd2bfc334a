/*
 * The response to CAPA.
 *
 * UTF8 USER (RFC 6856 section 2): user names and passwords may be UTF-8, also without the command UTF8.
 * Messages are sent as they are in either mode: one with UTF-8 in its header is the same file for every
 * client, and a rewritten one would have another size than LIST says and no valid signature any more.
 */
#include "pop3d/capability.h"

#include <stdio.h>

struct slice
capability_response(const struct capability *capability, char *out)
{
	bool sasl = capability->sasl[0] != '\0';
	int length = snprintf(out, CAPABILITY_SIZE,
	                      "+OK capabilities\r\n"
	                      "TOP\r\n"
	                      "UIDL\r\n"
	                      "%s%s%s%s%s"
	                      "PIPELINING\r\n"
	                      "RESP-CODES\r\n"
	                      "AUTH-RESP-CODE\r\n"
	                      "EXPIRE NEVER\r\n"
	                      "LOGIN-DELAY 0\r\n"
	                      "UTF8 USER\r\n"
	                      "IMPLEMENTATION Angarium\r\n"
	                      ".\r\n",
	                      capability->user ? "USER\r\n" : "", sasl ? "SASL " : "", capability->sasl, sasl ? "\r\n" : "",
	                      capability->stls ? "STLS\r\n" : "");

	return slice_of(out, (size_t)length);
}
