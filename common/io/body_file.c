/*
 * Bodies in spool files: their checksums, and reading them.
 */
#include "common/io/body_file.h"

#include <errno.h>

#include "common/base/checksum.h"
#include "common/io/durable.h"

void
body_sums_add(struct body_sums *sums, uint64_t offset, struct slice piece)
{
	if (offset < BODY_FILE_BEGINNING) {
		struct slice first = slice_first(piece, BODY_FILE_BEGINNING - (size_t)offset);

		sums->beginning = sums->whole = checksum_crc32c(sums->whole, first.data, first.length);
		piece = slice_from(piece, first.length);
	}
	sums->whole = checksum_crc32c(sums->whole, piece.data, piece.length);
}

void
body_file_begin(struct body_file *file, int fd, uint64_t size, uint32_t checksum)
{
	*file = (struct body_file){ .fd = fd, .size = size, .checksum = checksum };
}

void
body_file_rewind(struct body_file *file)
{
	body_file_begin(file, file->fd, file->size, file->checksum);
}

int
body_file_read(struct body_file *file, char *out, size_t most, struct slice *piece_r)
{
	uint64_t left = file->size - file->offset;
	size_t length = left < most ? (size_t)left : most;
	int error = durable_pread(file->fd, out, length, (off_t)file->offset);

	if (error != 0)
		return error == -ENODATA ? -EUCLEAN : error;
	file->offset += length;
	file->sum = checksum_crc32c(file->sum, out, length);
	if (file->offset == file->size && file->sum != file->checksum)
		return -EUCLEAN;
	*piece_r = slice_of(out, length);
	return 0;
}
