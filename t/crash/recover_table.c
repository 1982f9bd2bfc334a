/*
 * What tabled finds in its table: opens each table directory that is named on standard input, with recovery, and prints every record of
 * every space. For t/crash/power.
 *
 *   in:   PATH
 *   out:  record SPACE KEY VALUE        in hexadecimal digits
 *         done RESULT MESSAGE           of table_open, or of the scan
 */
#include <stdio.h>
#include <string.h>

#include "tabled/table.h"

enum { PATH_SIZE = 4096, CACHE_SIZE = 1024 * 1024 };

static void
print_bytes(struct slice bytes)
{
	putchar(' ');
	for (size_t i = 0; i < bytes.length; i++)
		printf("%02x", (unsigned char)bytes.data[i]);
}

static int
print_record(void *context, struct slice key, struct slice value)
{
	const int *space = context;

	printf("record %d", *space);
	print_bytes(key);
	print_bytes(value);
	putchar('\n');
	return 0;
}

static int
recover(const char *directory, char *message)
{
	struct table *table = NULL;
	int error = table_open(directory, CACHE_SIZE, &table, message);

	for (int space = 0; error == 0 && space < TABLE_SPACE_COUNT; space++) {
		error = table_scan(table, (enum table_space)space, SLICE(""), print_record, &space);
		if (error != 0)
			snprintf(message, TABLE_ERROR_SIZE, "%s", table_message(table));
	}
	table_close(&table);
	return error;
}

int
main(void)
{
	char line[PATH_SIZE];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char message[TABLE_ERROR_SIZE] = "";
		int error;

		line[strcspn(line, "\n")] = '\0';
		error = recover(line, message);
		printf("done %d %s\n", error, message);
		fflush(stdout);
	}
	return 0;
}
