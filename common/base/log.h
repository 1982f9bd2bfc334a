/*
 * The log: one line of key=value fields for each event. Values from outside are quoted and escaped here, so that
 * no peer can write a line of its own into the log.
 *
 *   log_event(LOG_INFO, "smtp.accept", LOG_STRING("session", id), LOG_UINT("size", size));
 *
 * gives
 *
 *   smtpd[4711] event=smtp.accept role=worker session=1AB2 size=42
 *
 * In syslog, where the parent writes for all roles, the process id is a field:
 *
 *   smtpd: event=smtp.accept pid=4711 role=worker session=1AB2 size=42
 */
#ifndef ANGARIUM_BASE_LOG_H
#define ANGARIUM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

#include "common/base/slice.h"

/* SKIP stands for nothing: it lets log_event be called without fields. */
enum log_kind { LOG_KIND_END, LOG_KIND_SKIP, LOG_KIND_SLICE, LOG_KIND_UINT, LOG_KIND_INT, LOG_KIND_ERROR };

struct log_field {
	const char *key;
	enum log_kind kind;
	struct slice text;
	uint64_t number;
};

#define LOG_SLICE(k, s) ((struct log_field){ .key = (k), .kind = LOG_KIND_SLICE, .text = (s) })
#define LOG_STRING(k, s) ((struct log_field){ .key = (k), .kind = LOG_KIND_SLICE, .text = slice_from_string(s) })
#define LOG_UINT(k, n) ((struct log_field){ .key = (k), .kind = LOG_KIND_UINT, .number = (uint64_t)(n) })
#define LOG_INT(k, n) ((struct log_field){ .key = (k), .kind = LOG_KIND_INT, .number = (uint64_t)(int64_t)(n) })
/* error="text of errno"; E may be positive or negative. */
#define LOG_ERROR(e) ((struct log_field){ .key = "error", .kind = LOG_KIND_ERROR, .number = (uint64_t)(int64_t)(e) })

/* PRIORITY is a syslog(3) priority; EVENT is "service.what". */
#define log_event(priority, event, ...)                                                                               \
	log_write((priority), (event),                                                                                \
	          (const struct log_field[]){ { .kind = LOG_KIND_SKIP }, ##__VA_ARGS__, { .kind = LOG_KIND_END } })

void log_write(int priority, const char *event, const struct log_field *fields);

enum log_target {
	LOG_TO_STDERR, /* lines on descriptor 2 */
	LOG_TO_SYSLOG, /* syslog(3), facility mail */
	/*
	 * Datagrams to the parent, which owns the connection to syslog and gives each to log_forward: one or more
	 * whole lines, each beginning with its priority, "<6>".
	 */
	LOG_TO_SOCKET,
};

/* Bytes of the largest datagram, and of what is gathered: a pipe takes as much in one piece (PIPE_BUF). */
enum { LOG_DATAGRAM_MAX = 4096 };

/* SERVICE and ROLE must stay valid; ROLE may be NULL. FD is used by LOG_TO_SOCKET. */
void log_open(const char *service, const char *role, enum log_target target, int fd);
/* Events above this syslog priority number are not logged. The default is LOG_INFO. */
void log_set_level(int priority);

/*
 * Writes to syslog what a role sent by LOG_TO_SOCKET. DATAGRAM is not trusted: control bytes and what follows
 * LOG_DATAGRAM_MAX are dropped.
 */
void log_forward(struct slice datagram);

/*
 * Lines of this thread at LOG_NOTICE and below are gathered until log_flush (the event loop calls it once in each
 * turn), or until LOG_DATAGRAM_MAX bytes. Lines of other threads, and all above LOG_NOTICE, are written at once.
 */
void log_set_gather(bool gather);
void log_flush(void);
/* True when gathered lines wait for log_flush. */
bool log_pending(void);
/* Called when the first line is gathered. */
void log_on_pending(void (*callback)(void));

#endif
