/*
 * The response to CAPA.
 *
 * UTF8 USER (RFC 6856 section 2): user names and passwords may be UTF-8, also without the command UTF8.
 * Messages are sent as they are in either mode: one with UTF-8 in its header is the same file for every
 * client, and a rewritten one would have another size than LIST says and no valid signature any more.
 */
#include "pop3d/capability.h"

#define CAPABILITIES               \
	"+OK capabilities\r\n"     \
	"TOP\r\n"                  \
	"UIDL\r\n"                 \
	"USER\r\n"                 \
	"PIPELINING\r\n"           \
	"RESP-CODES\r\n"           \
	"AUTH-RESP-CODE\r\n"       \
	"EXPIRE NEVER\r\n"         \
	"LOGIN-DELAY 0\r\n"        \
	"UTF8 USER\r\n"            \
	"IMPLEMENTATION Angarium\r\n"

struct slice
capability_response(bool stls)
{
	return stls ? SLICE(CAPABILITIES "STLS\r\n.\r\n") : SLICE(CAPABILITIES ".\r\n");
}
