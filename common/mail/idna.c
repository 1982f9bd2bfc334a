/*
 * IDNA by libidn2, which gets what the address parser took for a domain only, and whose result is checked like any other domain.
 */
#include "common/mail/idna.h"

#include <errno.h>
#include <idn2.h>

static bool
idna_is_ascii(struct slice domain)
{
	for (size_t i = 0; i < domain.length; i++)
		if ((unsigned char)domain.data[i] >= 128)
			return false;
	return true;
}

/* The memory is libidn2's. */
static int
idna_copy(const char *ascii, char *out)
{
	struct slice name = slice_from_string(ascii);

	/* Of what is mapped to nothing, an empty label could be left. */
	if (address_check_domain(name, false, false) != ADDRESS_OK)
		return -EINVAL;
	return slice_to_string(name, out, ADDRESS_DOMAIN_MAX + 1);
}

int
idna_to_ascii(struct slice domain, char *out)
{
	char text[ADDRESS_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;
	int result;

	out[0] = '\0';
	if (domain.length == 0 || address_check_domain(domain, true, true) != ADDRESS_OK ||
	    slice_to_string(domain, text, sizeof(text)) != 0)
		return -EINVAL;
	if (idna_is_ascii(domain))
		return slice_to_string(domain, out, ADDRESS_DOMAIN_MAX + 1);
	result = idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (result != IDN2_OK)
		return result == IDN2_MALLOC ? -ENOMEM : -EINVAL;
	result = idna_copy((const char *)ascii, out);
	idn2_free(ascii);
	return result;
}
