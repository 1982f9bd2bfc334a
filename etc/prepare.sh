# shellcheck shell=sh disable=SC2034 # read by others
# What etc/quickstart and t/run do before they build: the packages that are missing, and a copy of the sources.
# To be read by a shell ("."), not to be run.

# What a build needs, by the names of Debian's packages.
PREPARE_BUILD_PACKAGES="gcc libc6-dev make autoconf automake pkgconf libbsd-dev libcrypt-dev libdb5.3-dev libevent-dev \
libidn-dev libidn2-dev libseccomp-dev libssl-dev libunbound-dev"

# prepare_missing PACKAGE...: prints those that are not installed. Elsewhere than on Debian it prints nothing, and configure will tell.
prepare_missing()
{
	command -v dpkg-query >/dev/null || return 0
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
		[ "$status" = installed ] || printf '%s ' "$package"
	done
}

# prepare_install LOG PACKAGE...: installs packages; asks sudo when not root. Everything apt says goes to LOG.
prepare_install()
{
	log=$1
	shift
	administrator=
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "As root, please run: apt-get install $*" >&2
			return 1
		fi
		administrator=sudo
	fi
	apt="$administrator env DEBIAN_FRONTEND=noninteractive apt-get -q -y"
	# The lists of a fresh system are empty, and old ones name files that are gone.
	$apt install --no-install-recommends "$@" >"$log" 2>&1 </dev/null && return 0
	{ $apt update && $apt install --no-install-recommends "$@"; } >>"$log" 2>&1 </dev/null && return 0
	tail -n 20 "$log" >&2
	return 1
}

# prepare_sources FROM TO: copies the sources to TO, with their times, so that a build elsewhere leaves FROM as it is, and works when FROM is
# read-only or has a build of its own in it. The directory that TO is in is left out. Makes TO/configure when FROM is not a release.
prepare_sources()
{
	mkdir -p "$2" &&
	(cd "$1" && find . \
		\( -samefile "$2/.." -o -path ./.git -o -path ./build -o -name autom4te.cache -o -name .deps -o -name __pycache__ \) -prune -o \
		-type f ! -name '*.[oa]' ! -name '*.log' ! -name '*.trs' ! -path ./Makefile ! -path ./config.h ! -path ./config.status \
		! -path ./stamp-h1 -print0 | tar -cf - --null --no-recursion -T -) | (cd "$2" && tar -xf - --no-same-owner) &&
	if [ ! -x "$2/configure" ]; then
		(cd "$2" && autoreconf -fi)
	fi
}
