#!/bin/sh
# Puts the agent on a device, as root, from the directory this script lies in: setup.sh, and either a package rollcall-agent.deb, or
# rollcall-agent, rollcall-agent.service, rollcall-sshd.conf, agent.conf and owner.conf. With them come trust, desks and authorized_keys
# of an enrolment; one that is missing is left as it stands on the device. Safe to run again; every file is replaced as a whole,
# but agent.conf and owner.conf, which are the owner's, are never touched once they are there.
#
#   sh install.sh
#
# Exit status: 0 installed; 65 something is missing from the directory; 77 not root; 78 sshd does not take the door's configuration.
set -eu
umask 077
from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$from/setup.sh"

fail() { code=$1; shift; say "$*"; exit "$code"; }

[ "$(id -u)" = 0 ] || fail 77 "the agent is installed by root only."

# put FILE TARGET MODE: beside its place first, then over it.
put() {
    cp "$from/$1" "$2.rollcall-new"
    chown 0:0 "$2.rollcall-new"
    chmod "$3" "$2.rollcall-new"
    mv -f "$2.rollcall-new" "$2"
}

# What an enrolment brings, before the daemon starts with it.
put_enrolment() {
    for file in trust desks authorized_keys; do
        if [ -f "$from/$file" ]; then put $file /etc/rollcall/$file 644; fi
    done
}

is_packaged() { command -v dpkg-query >/dev/null && dpkg-query -s rollcall-agent 2>/dev/null | grep -q '^Status: .* installed$'; }

if [ -f "$from/rollcall-agent.deb" ]; then
    make_user
    make_folders
    put_enrolment
    # Nobody is there to be asked: what the owner wrote into a configuration stays.
    dpkg --force-confold --force-confdef -i "$from/rollcall-agent.deb" ||
        fail 78 "dpkg could not set the package up; what it said stands above. Once that is mended: dpkg --configure -a"
    if runs_systemd; then systemctl restart rollcall-agent.service; fi
elif is_packaged; then
    # The package's files are dpkg's to change.
    put_enrolment
    if runs_systemd; then systemctl restart rollcall-agent.service; fi
else
    for file in rollcall-agent rollcall-agent.service rollcall-sshd.conf agent.conf owner.conf; do
        [ -f "$from/$file" ] || fail 65 "$file is missing beside install.sh."
    done
    chmod 700 "$from/rollcall-agent"
    "$from/rollcall-agent" --version >/dev/null 2>&1 ||
        fail 65 "the agent does not run on this device; it was built for another architecture."
    make_user
    make_folders
    put_enrolment
    for file in agent.conf owner.conf; do
        [ -f /etc/rollcall/$file ] || put $file /etc/rollcall/$file 644
    done
    put rollcall-agent $program 755
    if runs_systemd; then
        put rollcall-agent.service /etc/systemd/system/rollcall-agent.service 644
        systemctl daemon-reload
        systemctl enable --quiet rollcall-agent.service
        systemctl restart rollcall-agent.service
    elif has_inittab; then
        end_agent
        start_by_inittab
    else
        say "this device runs neither systemd nor BusyBox's init; start '$program run' as root by its own means."
    fi
    open_door copy "$from/rollcall-sshd.conf" || exit 78
fi

# The relay of the first session is not to come before the daemon listens.
tries=0
while [ ! -S /run/rollcall/agent.sock ] && has_starter && [ $tries -lt 10 ]; do
    sleep 1
    tries=$((tries + 1))
done
echo "rollcall: installed $($program --version)"
