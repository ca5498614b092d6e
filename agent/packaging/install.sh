#!/bin/sh
# Puts the agent on a device, as root, from the directory this script lies in. It holds: rollcall-agent, rollcall-agent.service,
# rollcall-sshd.conf, trust, desks, authorized_keys. Safe to run again; every file is replaced as a whole.
#
#   sh install.sh
#
# Exit status: 0 installed; 65 something is missing from the directory; 77 not root; 78 sshd does not take the door's configuration.
set -eu
umask 077
from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() { code=$1; shift; echo "rollcall: $*" >&2; exit "$code"; }

[ "$(id -u)" = 0 ] || fail 77 "the agent is installed by root only."
for file in rollcall-agent rollcall-agent.service rollcall-sshd.conf trust desks authorized_keys; do
    [ -f "$from/$file" ] || fail 65 "$file is missing beside install.sh."
done
"$from/rollcall-agent" --version >/dev/null 2>&1 || fail 65 "the agent does not run on this device; it was built for another architecture."

# put FILE TARGET MODE: beside its place first, then over it.
put() {
    cp "$from/$1" "$2.rollcall-new"
    chown 0:0 "$2.rollcall-new"
    chmod "$3" "$2.rollcall-new"
    mv -f "$2.rollcall-new" "$2"
}

# The user as whom sshd starts the relay: its home is root's and empty, it has no password, its shell only runs command=.
if ! getent passwd rollcall >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/rollcall-home --no-create-home --shell /bin/sh rollcall
fi
# No password matches '*'. A '!' would mean a locked account, which sshd without PAM does not let in by key either.
usermod --password '*' rollcall
mkdir -p /var/lib/rollcall-home /etc/rollcall /var/lib/rollcall /etc/ssh/sshd_config.d
chown 0:0 /var/lib/rollcall-home /etc/rollcall /var/lib/rollcall
chmod 755 /var/lib/rollcall-home /etc/rollcall
chmod 700 /var/lib/rollcall

put trust /etc/rollcall/trust 644
put desks /etc/rollcall/desks 644
put authorized_keys /etc/rollcall/authorized_keys 644
put rollcall-agent /usr/bin/rollcall-agent 755

if [ -d /run/systemd/system ]; then
    put rollcall-agent.service /etc/systemd/system/rollcall-agent.service 644
    systemctl daemon-reload
    systemctl enable --quiet rollcall-agent.service
    systemctl restart rollcall-agent.service
else
    echo "rollcall: this device does not run systemd; start '/usr/bin/rollcall-agent run' as root by its own means." >&2
fi

# The door: tried before sshd reads it, and taken back where sshd would not start with it.
door=/etc/ssh/sshd_config.d/rollcall.conf
if ! grep -Eqi '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\.d/' /etc/ssh/sshd_config; then
    fail 78 "/etc/ssh/sshd_config has no 'Include /etc/ssh/sshd_config.d/*.conf' line; add it as the first line and enrol again."
fi
sshd=$(command -v sshd || echo /usr/sbin/sshd)
# sshd -t wants this directory, which Debian makes only when the service starts.
mkdir -p /run/sshd
old=
if [ -f $door ]; then old=$door.rollcall-old; cp -p $door $old; fi
put rollcall-sshd.conf $door 644
if ! problem=$("$sshd" -t 2>&1); then
    if [ -n "$old" ]; then mv -f "$old" $door; else rm -f $door; fi
    fail 78 "sshd does not take the door's configuration, so it was taken back: $problem"
fi
[ -z "$old" ] || rm -f "$old"
if [ -d /run/systemd/system ]; then
    for unit in ssh.service sshd.service; do
        if systemctl is-active --quiet $unit; then systemctl reload $unit; break; fi
    done
elif [ -f /run/sshd.pid ]; then
    kill -HUP "$(cat /run/sshd.pid)"
fi
echo "rollcall: installed $(/usr/bin/rollcall-agent --version)"
