/*
 * The hosts of a destination, in the order in which they are tried, and the addresses of each. One place goes over them once.
 */
#ifndef ANGARIUM_RELAYD_HOSTS_H
#define ANGARIUM_RELAYD_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/mail/config.h"
#include "relayd/connector.h"
#include "relayd/job.h"
#include "relayd/resolve.h"

struct hosts {
	struct resolve_answer *answer; /* owned; NULL: a single address */
	struct resolve_host single;    /* that address as a host */
	struct resolve_address single_address;
	const struct resolve_host *list;
	size_t count;
	uint16_t port;
	size_t at;                     /* host */
	size_t address;                /* of it, to be tried next */
	bool loop;                     /* an address is one that we listen on: its host and all worse ones were dropped */
	struct connector_address addresses[RESOLVE_ADDRESSES_MAX];
};

/* Is the destination named by an address? Then HOSTS holds it, and nobody needs to be asked. */
bool hosts_from_literal(struct hosts *hosts, const struct job *job, uint16_t port);
/* Takes ANSWER, which is RESOLVE_OK. */
void hosts_from_answer(struct hosts *hosts, struct resolve_answer *answer, uint16_t port);
void hosts_clear(struct hosts *hosts);

/* The host at the place, or NULL at the end. */
const struct resolve_host *hosts_now(const struct hosts *hosts);
void hosts_skip(struct hosts *hosts);
/*
 * The addresses of the host at the place that were not tried yet, in ADDRESSES: their number. 0: go on with hosts_skip. CONFIG: where we
 * listen ourselves.
 */
size_t hosts_addresses(struct hosts *hosts, const struct config *config);
/* FD has connected to one of them, and it is ourselves: the host and all that are not better are dropped. */
bool hosts_is_this_one(struct hosts *hosts, int fd, const struct config *config);
/* INDEX of these was the last that was tried: those behind it are left. */
void hosts_tried(struct hosts *hosts, size_t index);
/* The last one that was tried is to be tried once more. */
void hosts_again(struct hosts *hosts);

/* "mx.example.org [192.0.2.1]:25" of the host at the place and one of ADDRESSES. */
void hosts_remote(const struct hosts *hosts, size_t index, char *out, size_t size);

#endif
