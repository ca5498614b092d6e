#!/bin/sh
# Takes the agent off a device, as root, with everything that was ever its own, ledger and keys included; then looks whether anything is
# left, and says each thing. Lies beside setup.sh. Safe to run again.
#
#   sh uninstall.sh            removes, then looks
#   sh uninstall.sh --look     only looks
#
# Exit status: 0 nothing is left; 1 something is; 77 not root.
set -eu
umask 077
from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$from/setup.sh"

[ "$(id -u)" = 0 ] || { say "the agent is removed by root only."; exit 77; }

# left KIND THING: one thing that is still there.
left() {
    echo "rollcall: left: $1 $2"
    status=1
}

look() {
    status=0
    for file in $program* /etc/rollcall /var/lib/rollcall $home /run/rollcall /usr/share/rollcall-agent $drop_in* \
        /usr/share/doc/rollcall-agent /tmp/rollcall-install.*; do
        # The folder this very script lies in goes when it has ended.
        if [ "$file" != "$from" ] && { [ -e "$file" ] || [ -L "$file" ]; }; then left file "$file"; fi
    done
    for file in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        for unit in "$file"/rollcall-agent* "$file"/*.wants/rollcall-agent*; do
            if [ -e "$unit" ] || [ -L "$unit" ]; then left unit "$unit"; fi
        done
    done
    for file in /etc/passwd /etc/group /etc/shadow /etc/gshadow; do
        if grep -qs '^rollcall:' $file; then left user "rollcall in $file"; fi
    done
    if has_inittab && grep -qxF "$inittab_line" /etc/inittab; then left unit "the line in /etc/inittab"; fi
    # A key that opens the agent may stand in anybody's file.
    for file in /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys /etc/dropbear/authorized_keys; do
        if grep -qs 'rollcall-agent serve' "$file"; then left key "$file"; fi
    done
    for process in $(agent_processes); do left process "$process"; done
    if command -v dpkg-query >/dev/null && dpkg-query -W rollcall-agent >/dev/null 2>&1; then left package rollcall-agent; fi
    if runs_systemd && systemctl is-active --quiet rollcall-agent.service; then left unit "rollcall-agent.service is active"; fi
    return $status
}

if [ "${1:-}" != --look ]; then
    if command -v dpkg-query >/dev/null && dpkg-query -W rollcall-agent >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive dpkg --purge rollcall-agent || true
    fi
    if runs_systemd; then
        systemctl disable --now --quiet rollcall-agent.service 2>/dev/null || true
        remove_loose_unit
        systemctl daemon-reload
        systemctl reset-failed rollcall-agent.service 2>/dev/null || true
    fi
    remove_from_inittab
    end_agent
    shut_door all
    remove_user
    remove_folders
    rm -f $program $program.*
fi
look && echo "rollcall: nothing is left"
