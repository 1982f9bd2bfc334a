/*
 * A small service for test_service.c: "front" keeps a link to "back" and asks it again whenever it is up; every answer is a
 * log line. So is what stands in a file that it is given. It is a service like any other, so that what the test sees is what the real ones do.
 */
#include <errno.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/link.h"
#include "common/proc/process.h"
#include "common/proc/service.h"

enum { PROBE_PING = 1, PROBE_PONG = 2, PROBE_FRAME_MAX = 1024 };

static int
on_pong(void *context, int status, struct channel_frame *frame)
{
	(void)context;
	if (status == 0)
		log_event(LOG_WARNING, "probe.pong", LOG_UINT("pid", wire_get_u32(&frame->body)));
	else
		log_event(LOG_WARNING, "probe.lost", LOG_ERROR(status));
	return 0;
}

static void
front_up(struct link *link, void *context)
{
	struct wire_writer writer = link_begin(link, PROBE_PING, -1);

	(void)context;
	link_send(link, &writer, on_pong, NULL, NULL);
}

static void
front_refused(void *context, int fd)
{
	(void)context;
	if (fd >= 0)
		close(fd);
}

/* The question that front_down put has left in the turn of the loop before. */
static void
front_asked(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	log_event(LOG_WARNING, "probe.asked");
}

/* Asks for the lost one at once, so that a test can tell when the parent has that question. */
static void
front_down(struct link *link, void *context)
{
	struct process *process = context;

	(void)link;
	process_request_channel(process, "back", front_refused, NULL);
	event_base_once(process_base(process), -1, EV_TIMEOUT, front_asked, NULL, &(struct timeval){ 0 });
}

static const struct link_protocol front_protocol = {
	.channel = "back",
	.timeout_ms = 5000,
	.input_limit = PROBE_FRAME_MAX,
	.output_limit = PROBE_FRAME_MAX,
	.up = front_up,
	.down = front_down,
};

static void
front_read_file(void *context)
{
	char text[32] = "none";
	ssize_t length = read(process_file(context, "probe"), text, sizeof(text));

	log_event(LOG_WARNING, "probe.file", LOG_SLICE("text", slice_of(text, length < 0 ? 4 : (size_t)length)));
}

static int
front_main(struct process *process)
{
	struct link *link = link_new(process, &front_protocol, process);

	log_event(LOG_WARNING, "probe.front", LOG_UINT("pid", (unsigned)getpid()), LOG_UINT("uid", getuid()));
	front_read_file(process);
	process_on_reload(process, front_read_file, process);
	return link == NULL ? 1 : process_run(process);
}

static int
back_on_ping(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct wire_writer writer = channel_begin(channel, PROBE_PONG, frame->request, -1);

	(void)context;
	wire_put_u32(&writer, (uint32_t)getpid());
	return channel_send(channel, &writer);
}

static const struct channel_handler back_handlers[] = { { PROBE_PING, CHANNEL_ANY, false, back_on_ping } };

static const struct channel_protocol back_protocol = {
	.name = "back",
	.handlers = back_handlers,
	.handler_count = 1,
	.input_limit = PROBE_FRAME_MAX,
	.output_limit = PROBE_FRAME_MAX,
};

static void
back_on_channel(void *context, int fd)
{
	(void)channel_new(process_base(context), fd, &back_protocol, NULL);
}

static int
back_main(struct process *process)
{
	process_on_channel(process, "back", back_on_channel, process);
	return process_run(process);
}

static const char *
account(const struct config *config)
{
	return config->account_smtp;
}

static const char *
file_path(const struct config *config)
{
	return config->relay_ca_file;
}

static const struct service_file file = { "probe", file_path };
static const struct service_role back = { .name = "back", .account = account, .watched = true, .main = back_main };
static const struct service_role front = {
	.name = "front",
	.account = account,
	.siblings = { "back" },
	.files = { &file },
	.main = front_main,
};
static const struct service service = { .name = "probe", .roles = { &back, &front } };

int
main(int argc, char **argv)
{
	return service_main(&service, argc, argv);
}
