/*
 * A relay worker asks the resolver where a destination's hosts are, over the sibling channel "resolver". One question, one answer with
 * everything that is needed to connect: hosts in the order in which they are tried, their addresses, and their TLSA records.
 */
#ifndef ANGARIUM_RELAYD_PROTO_RESOLVE_H
#define ANGARIUM_RELAYD_PROTO_RESOLVE_H

enum {
	RESOLVE_HOSTS_MAX = 16,      /* hosts in an answer: the best ones */
	RESOLVE_ADDRESSES_MAX = 16,  /* of a host */
	RESOLVE_TLSA_MAX = 32,       /* of a host */
	RESOLVE_TLSA_DATA_MAX = 4096, /* bytes of one */
	RESOLVE_TEXT_MAX = 256,      /* bytes, with its NUL */
	RESOLVE_FRAME_MAX = 1024 * 1024, /* bytes of the largest payload */
	RESOLVE_ASKED_MAX = 8192,    /* questions of one worker under way */
};

enum resolve_type {
	/*
	 * worker -> resolver: u8 how (enum resolve_how); string name (a domain, or a host); u32 port (for TLSA); u8 dane (1: TLSA is wanted);
	 * u8 backup (1: we must be among the MX hosts; otherwise being among them is a loop only when nobody better is left)
	 */
	RESOLVE_ASK = 1,
	/*
	 * u8 result (enum resolve_result); string text for people; u8 secure (of the MX records: DNSSEC-validated); string canonical name (of the
	 * name asked for, after its CNAMEs); u32 count of hosts; for each: string name; u32 preference; u8 secure (of its addresses); u32 count of
	 * addresses; for each: slice (4 or 16 bytes); u8 tlsa (enum resolve_tlsa); string name that the TLSA records were found under (RFC 7672 2.2.3;
	 * else empty); u32 count; for each: u8 usage, u8 selector, u8 matching type, slice data (RFC 6698 2.1). Addresses of both families alternate,
	 * IPv6 first.
	 */
	RESOLVE_ANSWER = 2,
};

enum resolve_how {
	RESOLVE_MX = 0,   /* MX, else A and AAAA of the name itself (RFC 5321 5.1) */
	RESOLVE_HOST = 1, /* A and AAAA */
};

enum resolve_result {
	RESOLVE_OK = 0,        /* at least one host has an address */
	RESOLVE_TEMPORARY = 1, /* no answer, a bogus one (DNSSEC), or of the hosts none could be found out: later */
	RESOLVE_NO_DOMAIN = 2, /* NXDOMAIN, or a name that has neither MX nor address */
	RESOLVE_NULL_MX = 3,   /* it takes no mail (RFC 7505) */
	RESOLVE_LOOP = 4,      /* we are the best MX host ourselves */
};

enum resolve_tlsa {
	RESOLVE_TLSA_NONE = 0,     /* securely or insecurely none, or not wanted: TLS as it comes */
	RESOLVE_TLSA_USABLE = 1,   /* TLS is mandatory and must match one of them (RFC 7672 2.1) */
	RESOLVE_TLSA_UNUSABLE = 2, /* there are some, none of which means anything to SMTP: TLS is mandatory and not authenticated (RFC 7672 2.1.3) */
	RESOLVE_TLSA_FAILED = 3,   /* the lookup failed or is bogus: the host must not be used now (RFC 7672 2.1.2) */
};

#endif
