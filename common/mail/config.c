/*
 * The configuration: reads the file, takes its lines apart, and gives each to its directive. What is wrong is said
 * with file and line; nothing here is fatal, opens a file other than the configuration, or asks the network.
 */
#include "common/mail/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/mail/config_directive.h"

int
config_complain(const struct config_report *report, const char *format, ...)
{
	va_list arguments;
	int length = snprintf(report->error, CONFIG_ERROR_MAX, "%s:%u: ", report->file, report->line);

	if (length < 0 || length >= CONFIG_ERROR_MAX)
		return -EINVAL;
	va_start(arguments, format);
	vsnprintf(report->error + length, CONFIG_ERROR_MAX - (size_t)length, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/*
 * This host's own name, with its domain when the system knows one. DNS is not asked, since that may take long.
 */
static void
hostname_standard(struct config *config)
{
	const struct config_directive *directive = config_directive_find(SLICE("hostname"));
	char error[CONFIG_ERROR_MAX];
	const struct config_report report = { .file = "", .error = error };
	char name[CONFIG_NAME_MAX];
	struct utsname system;
	const char *domain = "";

	if (uname(&system) != 0)
		system.nodename[0] = '\0';
	else if (strchr(system.nodename, '.') == NULL && strcmp(system.domainname, "(none)") != 0)
		domain = system.domainname;
	snprintf(name, sizeof(name), "%s%s%s", system.nodename, domain[0] == '\0' ? "" : ".", domain);
	if (config_parse_hostname(directive, slice_from_string(name), config->hostname, &report) != 0)
		strlcpy(config->hostname, "localhost", sizeof(config->hostname));
}

void
config_defaults(struct config *config)
{
	char error[CONFIG_ERROR_MAX];
	const struct config_report report = { .file = "default", .error = error };

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *directive = &config_directives[i];

		/* A default that is refused is a mistake in the table, which the unit test finds. */
		if (directive->standard != NULL)
			directive->parse(directive, slice_from_string(directive->standard),
			                 (char *)config + directive->offset, &report);
	}
	hostname_standard(config);
}

/* The line without comment and blanks around it. A "#" begins a comment at the line's start and after a blank. */
static struct slice
strip_comment(struct slice line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] == '#' && (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return slice_trim(slice_first(line, i));
	return slice_trim(line);
}

static int
check_bytes(struct slice line, const struct config_report *report)
{
	for (size_t i = 0; i < line.length; i++) {
		unsigned char byte = (unsigned char)line.data[i];

		if ((byte < ' ' && byte != '\t') || byte >= 127)
			return config_complain(report,
			                       "the byte \\x%02x stands in a directive; write printable ASCII only",
			                       byte);
	}
	return 0;
}

static int
complain_of_name(struct slice name, const struct config_report *report)
{
	const struct config_directive *near = config_directive_near(name);
	char quote[CONFIG_QUOTE_SIZE];

	if (near != NULL)
		return config_complain(report, "there is no directive %s; did you mean %s?",
		                       config_quote(name, quote), near->name);
	return config_complain(report, "there is no directive %s; angarium.conf(5) lists them all",
	                       config_quote(name, quote));
}

static int
parse_line(struct config *config, struct slice line, unsigned *lines, const struct config_report *report)
{
	const struct config_directive *directive;
	struct slice value, name;

	value = strip_comment(line);
	if (value.length == 0)
		return 0;
	if (check_bytes(value, report) != 0)
		return -EINVAL;
	name = slice_word(&value);
	value = slice_trim(value);
	directive = config_directive_find(name);
	if (directive == NULL)
		return complain_of_name(name, report);
	if (lines[directive - config_directives] != 0 && !directive->repeated)
		return config_complain(report, "%s was given in line %u already; keep one of the two",
		                       directive->name, lines[directive - config_directives]);
	if (value.length == 0 && directive->standard == NULL)
		return config_complain(report, "%s has no value; write one after it", directive->name);
	if (value.length == 0)
		return config_complain(report, "%s has no value; write one after it, such as its default: %s",
		                       directive->name, directive->standard);
	lines[directive - config_directives] = report->line;
	return directive->parse(directive, value, (char *)config + directive->offset, report);
}

int
config_parse(struct config *config, const char *name, struct slice text, char *error)
{
	struct config_report report = { .file = name, .line = 1, .error = error };
	unsigned lines[CONFIG_DIRECTIVES_MAX] = { 0 };

	error[0] = '\0';
	config_defaults(config);
	if (text.length > CONFIG_TEXT_MAX)
		return config_complain(&report, "the file has %zu bytes; write at most %d", text.length,
		                       CONFIG_TEXT_MAX);
	for (; text.length > 0; report.line++) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_first(text, end);

		if (line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
		if (parse_line(config, line, lines, &report) != 0)
			return -EINVAL;
		text = slice_from(text, end + 1);
	}
	return config_check(config, lines, &report);
}

/*
 * All of the file, up to one byte more than is allowed, which config_parse then complains of. 0 or a negative errno
 * value.
 */
static int
read_all(int fd, char *text, size_t *length_r)
{
	size_t length = 0;

	while (length <= CONFIG_TEXT_MAX) {
		ssize_t count = read(fd, text + length, CONFIG_TEXT_MAX + 1 - length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	*length_r = length;
	return 0;
}

int
config_load(struct config *config, const char *path, char **text_r, size_t *length_r, char *error)
{
	char *text = NULL;
	size_t length = 0;
	int fd, result;

	error[0] = '\0';
	if (text_r != NULL)
		*text_r = NULL;
	/* Not blocking, should somebody have put a FIFO there. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	result = fd == -1 ? -errno : 0;
	if (result == 0) {
		text = malloc(CONFIG_TEXT_MAX + 1);
		result = text == NULL ? -ENOMEM : read_all(fd, text, &length);
		close(fd);
	}
	if (result != 0)
		snprintf(error, CONFIG_ERROR_MAX, "%s: cannot read: %s; name a readable file with -c", path,
		         strerror(-result));
	else
		result = config_parse(config, path, slice_of(text, length), error);
	if (result != 0 || text_r == NULL) {
		free(text);
		return result;
	}
	*text_r = text;
	*length_r = length;
	return 0;
}
