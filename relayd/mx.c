/*
 * MX records: from a DNS answer to an order.
 */
#include "relayd/mx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether the last label is a number, as no domain's is: what looks so is an address that somebody took for a name. */
static bool
is_address(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *label = dot == NULL ? name : dot + 1;

	return label[0] != '\0' && label[strspn(label, "0123456789")] == '\0';
}

static int
by_name(const void *a, const void *b)
{
	const struct mx *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order != 0 ? order : (one->preference > other->preference) - (one->preference < other->preference);
}

static int
by_preference(const void *a, const void *b)
{
	const struct mx *one = a, *other = b;

	if (one->preference != other->preference)
		return one->preference < other->preference ? -1 : 1;
	return (one->shuffle > other->shuffle) - (one->shuffle < other->shuffle);
}

/* Of a host that is named twice, its better preference holds. */
static void
drop_twins(struct mx_list *list)
{
	size_t kept = 0;

	qsort(list->list, list->count, sizeof(list->list[0]), by_name);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || strcmp(list->list[kept - 1].name, list->list[i].name) != 0)
			list->list[kept++] = list->list[i];
	list->count = kept;
}

int
mx_list_fill(struct slice message, const struct dns_answer *answer, mx_random *random, struct mx_list *list_r)
{
	*list_r = (struct mx_list){ .list = calloc(answer->count + 1, sizeof(struct mx)) };
	if (list_r->list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < answer->count; i++) {
		struct mx *mx = &list_r->list[list_r->count];

		if (dns_mx_parse(message, answer->data[i], &mx->preference, mx->name) != 0 || is_address(mx->name))
			continue;
		if (mx->name[0] == '\0') {
			list_r->null = answer->count == 1;
			continue;
		}
		mx->shuffle = random();
		list_r->count++;
	}
	drop_twins(list_r);
	qsort(list_r->list, list_r->count, sizeof(list_r->list[0]), by_preference);
	return 0;
}

int
mx_list_implicit(const char *name, struct mx_list *list_r)
{
	*list_r = (struct mx_list){ .count = 1, .list = calloc(1, sizeof(struct mx)) };
	if (list_r->list == NULL)
		return -ENOMEM;
	strlcpy(list_r->list[0].name, name, sizeof(list_r->list[0].name));
	return 0;
}

void
mx_list_free(struct mx_list *list)
{
	free(list->list);
	*list = (struct mx_list){ 0 };
}

bool
mx_list_preference(const struct mx_list *list, const char *name, uint16_t *preference_r)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->list[i].name, name) != 0)
			continue;
		*preference_r = list->list[i].preference;
		return true;
	}
	return false;
}

void
mx_list_keep_better(struct mx_list *list, uint16_t preference)
{
	while (list->count > 0 && list->list[list->count - 1].preference >= preference)
		list->count--;
}
