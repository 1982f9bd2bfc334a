/*
 * Sending bytes over a UNIX socket with a descriptor at their beginning (SCM_RIGHTS).
 */
#include "common/ipc/passing.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

ssize_t
passing_send(int fd, struct slice bytes, int passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (passed >= 0) {
		struct cmsghdr *part;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &passed, sizeof(passed));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
