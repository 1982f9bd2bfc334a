/*
 * What a role's parent says over the control channel: the configuration, descriptors, START and STOP. The end of the channel means that the
 * parent is gone, and the role ends too.
 */
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/proc/process_state.h"
#include "common/proc/role_tls.h"

static int
process_on_config(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONFIG_PATH_MAX];
	char error[CONFIG_ERROR_MAX];
	struct slice text;
	struct config *config;

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	text = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body))
		return -EBADMSG;
	config = malloc(sizeof(*config));
	if (config == NULL)
		return process->configured ? 0 : -ENOMEM;
	config_defaults(config);
	if (config_parse(config, name, text, error) != 0) {
		log_event(LOG_ERR, "config.refused", LOG_STRING("what", error));
		free(config);
		return process->configured ? 0 : -EINVAL;
	}
	process->config = *config;
	free(config);
	process->configured = true;
	log_set_level(process->config.log_level);
	if (process->started && process->on_reload.call != NULL)
		process->on_reload.call(process->on_reload.context);
	held_close_dropped(&process->held);
	return 0;
}

static int
process_on_listener(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];
	uid_t peer;
	int error;

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	peer = wire_get_u32(&frame->body);
	error = held_add_listener(&process->held, name, peer, frame->fd);
	if (error == 0)
		frame->fd = -1;
	return error;
}

static int
process_on_unlisten(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	held_drop_listeners(&process->held, name);
	return 0;
}

/* Again on reload: the new one takes the place of the old. */
static int
process_on_file(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;
	char name[CONTROL_NAME_MAX];
	int error;

	(void)channel;
	wire_get_string(&frame->body, name, sizeof(name));
	error = held_put_file(&process->held, name, frame->fd);
	if (error == 0)
		frame->fd = -1;
	return error;
}

static int
process_on_log(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	(void)channel;
	log_open(process->service, process->role->name, LOG_TO_SOCKET, frame->fd);
	frame->fd = -1;
	return 0;
}

static int
process_on_start(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	process->index = wire_get_u32(&frame->body);
	process->confinement.privileged = wire_get_u8(&frame->body) != 0;
	process->confinement.account.uid = wire_get_u32(&frame->body);
	process->confinement.account.gid = wire_get_u32(&frame->body);
	if (!process->configured)
		return -EPROTO;
	process->started = true;
	channel_set_state(channel, PROCESS_RUNNING);
	event_base_loopbreak(process->base);
	return 0;
}

static int
process_on_stopping(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct process *process = context;

	(void)channel;
	(void)frame;
	if (process->stopping)
		return 0;
	process->stopping = true;
	if (process->on_stop.call != NULL)
		process->on_stop.call(process->on_stop.context);
	else
		process_stop(process);
	return 0;
}

static int
process_on_ping(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct wire_writer writer = channel_begin(channel, CONTROL_PONG, 0, -1);

	(void)context;
	(void)frame;
	return channel_send(channel, &writer);
}

static void
process_on_parent_gone(struct channel *channel, void *context, int error)
{
	struct process *process = context;

	(void)channel;
	process->control = NULL;
	process->status = EX_UNAVAILABLE;
	log_event(LOG_ERR, "process.orphaned", LOG_ERROR(error));
	log_flush();
	/* Nothing can be asked of anybody any more; what is durable is durable. */
	_exit(EX_UNAVAILABLE);
}

static const struct channel_handler handlers[] = {
	{ CONTROL_CONFIG, CHANNEL_ANY, false, process_on_config },
	{ CONTROL_LISTENER, CHANNEL_ANY, true, process_on_listener },
	{ CONTROL_UNLISTEN, 1 << PROCESS_RUNNING, false, process_on_unlisten },
	{ CONTROL_FILE, CHANNEL_ANY, true, process_on_file },
	{ CONTROL_LOG, 1 << PROCESS_PREPARING, true, process_on_log },
	{ CONTROL_START, 1 << PROCESS_PREPARING, false, process_on_start },
	{ CONTROL_CHANNEL, 1 << PROCESS_RUNNING, true, process_on_answer },
	{ CONTROL_REFUSED, 1 << PROCESS_RUNNING, false, process_on_refused },
	{ CONTROL_INCOMING, 1 << PROCESS_RUNNING, true, process_on_incoming },
	{ CONTROL_STOP, CHANNEL_ANY, false, process_on_stopping },
	{ CONTROL_PING, 1 << PROCESS_RUNNING, false, process_on_ping },
};

/* What is not in our table may be in that of the role's TLS. */
static int
process_on_frame(struct channel *channel, void *context, struct channel_frame *frame)
{
	const struct process *process = context;
	const struct role_tls *tls = process->role->tls;
	int error = channel_dispatch(channel, handlers, sizeof(handlers) / sizeof(handlers[0]), context, frame);

	if (error == -ENOSYS && tls != NULL)
		return channel_dispatch(channel, tls->handlers, tls->handler_count, context, frame);
	return error;
}

const struct channel_protocol process_control_protocol = {
	.name = "control",
	.any = process_on_frame,
	.input_limit = CONTROL_FRAME_MAX,
	.output_limit = CONTROL_FRAME_MAX,
	.closed = process_on_parent_gone,
};
