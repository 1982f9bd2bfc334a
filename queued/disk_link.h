/*
 * The disk as the role "queue" has it: a link to the syncer.
 */
#ifndef ANGARIUM_QUEUED_DISK_LINK_H
#define ANGARIUM_QUEUED_DISK_LINK_H

#include "queued/disk.h"

struct disk_link;
struct process;

/* NULL when out of memory. While there is no syncer, requests wait for one. */
struct disk_link *disk_link_new(struct process *process);
struct disk *disk_link_disk(struct disk_link *disk_link);

#endif
