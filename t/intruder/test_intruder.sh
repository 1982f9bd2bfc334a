#!/bin/sh
# An intruder in the place of any role gets nothing: runs each service with the intruder in every role, and fails when any attack got
# through. Prints the table of roles and attacks that doc/design.md shows (with --table).
set -u
services="tabled queued smtpd deliverd relayd pop3d"
here=${INTRUDERS:-t/intruder}
work=$(mktemp -d "${TMPDIR:-/tmp}/angarium-intruder-XXXXXX") || exit 1
pid=
finish() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
chmod 755 "$work"
mkdir "$work/run" "$work/table" "$work/spool" "$work/mail"
for secret in run table spool mail; do
	echo secret >"$work/$secret/secret"
	chmod 644 "$work/$secret/secret"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=intruder.example -keyout "$work/key" \
	-out "$work/certificate" 2>/dev/null || exit 1
cat >"$work/conf" <<END
hostname intruder.example
run_directory $work/run
table_directory $work/table
spool_directory $work/spool
mail_directory $work/mail
account_table 64101
account_queue 64102
account_smtp 64103
account_login 64104
account_vmail 64105
account_key 64106
account_relay 64107
account_dns 64108
tls_certificate $work/certificate $work/key
smtps_listen off
pop3s_listen off
smtp_listen off
submission_listen off
pop3_listen off
smtp_workers 1
hash_workers 1
delivery_workers 1
relay_workers 1
pop3_login_workers 1
pop3_session_workers 1
END
failed=0
for service in $services; do
	mkfifo "$work/log"
	"$here/intruder_$service" -c "$work/conf" 2>"$work/log" &
	pid=$!
	# Every role has finished its attacks when the service says that it is ready.
	timeout 60 sed '/event=service\.ready/q' <"$work/log" >"$work/said"
	cat "$work/said" >>"$work/all"
	if ! grep -q 'event=service\.ready' "$work/said" || ! grep -q 'event=attack\.over' "$work/said"; then
		echo "FAIL $service did not come up:"
		tail -n 5 "$work/said"
		failed=1
	fi
	if grep 'event=attack\.through' "$work/said"; then
		echo "FAIL $service: an attack got through"
		failed=1
	fi
	kill "$pid" 2>/dev/null
	wait "$pid"
	pid=
	rm -f "$work/log"
done
echo "$(grep -c 'event=attack.stopped' "$work/all") attacks stopped, $(grep -c 'event=attack.through' "$work/all") got through"
[ "${1:-}" = --table ] && sed -n 's/^\([a-z0-9]*\)\[[0-9]*\] event=attack\.\([a-z]*\) role=\([a-z]*\) attack=\("[^"]*"\|[^ ]*\) error=\(.*\)$/\1\/\3|\4|\2|\5/p' "$work/all"
exit $failed
