/*
 * Which name servers are asked, and with which trust anchor. The pure part of it.
 */
#ifndef ANGARIUM_RELAYD_SERVERS_H
#define ANGARIUM_RELAYD_SERVERS_H

#include "common/base/slice.h"
#include "common/mail/config.h"

/*
 * Takes the name servers from the text of a resolv.conf(5): the first CONFIG_ENDPOINTS_MAX that are addresses without a zone
 * ("%eth0"). Without any it is the one of this host (127.0.0.1), as that page says.
 */
void servers_from_resolv_conf(struct slice text, struct config_endpoints *servers_r);

#endif
