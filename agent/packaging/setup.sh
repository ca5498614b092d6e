# What putting the agent on a device and taking it off consist of. Read by install.sh and uninstall.sh, and pasted into the package's own
# scripts by scripts/package. Plain sh: BusyBox runs it too. Every step may be done again, and does nothing where it is done.

PATH=$PATH:/usr/sbin:/sbin
program=/usr/bin/rollcall-agent
drop_in=/etc/ssh/sshd_config.d/rollcall.conf
home=/var/lib/rollcall-home

say() { echo "rollcall: $*" >&2; }

runs_systemd() { [ -d /run/systemd/system ]; }

# Whether process 1 is BusyBox's init, which reads /etc/inittab in a form of its own.
has_inittab() { [ -f /etc/inittab ] && readlink /proc/1/exe | grep -q '/busybox'; }

# Whether something here starts the daemon.
has_starter() { runs_systemd || has_inittab; }

has_sshd() { command -v sshd >/dev/null; }

# Whether the local file names a user or group of ours: passwd or group.
has_entry() { grep -qs '^rollcall:' "/etc/$1"; }

# A line more in a file that may lack the end of its last one.
add_line() {
    [ -z "$(tail -c 1 "$1")" ] || echo >> "$1"
    echo "$2" >> "$1"
}

is_number_taken() { grep -q "^[^:]*:[^:]*:$number:" "/etc/$1"; }

# The user where no program makes one, under a number that no user and no group has.
add_entries() {
    number=999
    while is_number_taken passwd || is_number_taken group; do number=$((number - 1)); done
    has_entry group || add_line /etc/group "rollcall:x:$number:"
    if [ -f /etc/shadow ] && ! has_entry shadow; then add_line /etc/shadow 'rollcall:*:20000::::::'; fi
    add_line /etc/passwd "rollcall:x:$number:$number::$home:/bin/sh"
}

# remove_lines FILE: ours, in place, so that the file keeps its owner and mode.
remove_lines() {
    if grep -qs '^rollcall:' "$1"; then
        grep -v '^rollcall:' "$1" > "$1.rollcall-new" || true
        cat "$1.rollcall-new" > "$1"
        rm -f "$1.rollcall-new"
    fi
}

# The user as whom the relay is started: its home is root's, it has no password, its shell only runs command=.
# No password matches '*'. A '!' would mean a locked account, which sshd without PAM does not let in by key either.
make_user() {
    if ! has_entry passwd; then
        if command -v useradd >/dev/null; then
            useradd --system --user-group --home-dir $home --no-create-home --shell /bin/sh rollcall
        elif command -v adduser >/dev/null; then
            # BusyBox; -D: without asking for a password.
            has_entry group || addgroup -S rollcall
            adduser -S -D -H -h $home -s /bin/sh -G rollcall rollcall
        else
            add_entries
        fi
    fi
    if command -v usermod >/dev/null; then
        usermod --password '*' rollcall
    elif [ -f /etc/shadow ]; then
        sed -i 's/^rollcall:[^:]*:/rollcall:*:/' /etc/shadow
    fi
}

# The user's last processes are relays and sessions of sshd, which end with the daemon; five seconds later they are not waited for.
remove_user() {
    tries=0
    while has_entry passwd && command -v userdel >/dev/null && [ $tries -lt 50 ]; do
        userdel rollcall 2>/dev/null || sleep 0.1
        tries=$((tries + 1))
    done
    if has_entry passwd && command -v userdel >/dev/null; then userdel --force rollcall 2>/dev/null || true; fi
    for file in passwd group shadow gshadow; do remove_lines /etc/$file; done
}

make_folders() {
    mkdir -p $home /etc/rollcall /var/lib/rollcall
    chown 0:0 $home /etc/rollcall /var/lib/rollcall
    chmod 755 $home /etc/rollcall
    chmod 700 /var/lib/rollcall
    # Dropbear knows no other place for keys than the home. OpenSSH is told of the file itself by the drop-in.
    if ! has_sshd; then
        mkdir -p $home/.ssh
        chmod 755 $home/.ssh
        ln -sf /etc/rollcall/authorized_keys $home/.ssh/authorized_keys
    fi
}

remove_folders() { rm -rf /etc/rollcall /var/lib/rollcall $home /run/rollcall; }

# sshd reads its configuration anew; sessions go on.
reload_sshd() {
    if runs_systemd; then
        for unit in ssh.service sshd.service; do
            if systemctl is-active --quiet $unit; then
                systemctl reload $unit || true
                return 0
            fi
        done
    elif [ -f /run/sshd.pid ]; then
        kill -HUP "$(cat /run/sshd.pid)" || true
    fi
}

# open_door link|copy FILE: tried before sshd reads it, and taken back where sshd would not start with it. A file that somebody else
# put there is left alone.
open_door() {
    if ! has_sshd; then return 0; fi
    if ! grep -Eqi '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\.d/' /etc/ssh/sshd_config; then
        say "/etc/ssh/sshd_config has no 'Include /etc/ssh/sshd_config.d/*.conf' line; add it as the first line and try again."
        return 1
    fi
    mkdir -p /etc/ssh/sshd_config.d
    if [ "$1" = link ] && [ -f $drop_in ] && [ ! -L $drop_in ] && ! cmp -s "$2" $drop_in; then
        say "$drop_in was changed on this device and is left as it is."
    else
        rm -f $drop_in.rollcall-old
        if [ -e $drop_in ] || [ -L $drop_in ]; then mv $drop_in $drop_in.rollcall-old; fi
        if [ "$1" = link ]; then
            ln -s "$2" $drop_in
        else
            cp "$2" $drop_in.rollcall-new
            chown 0:0 $drop_in.rollcall-new
            chmod 644 $drop_in.rollcall-new
            mv -f $drop_in.rollcall-new $drop_in
        fi
    fi
    # sshd -t wants this directory, which Debian makes only when the service starts, and host keys, which an image may have none of yet.
    mkdir -p /run/sshd
    if ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1 && ! problem=$(sshd -t 2>&1); then
        rm -f $drop_in
        if [ -e $drop_in.rollcall-old ] || [ -L $drop_in.rollcall-old ]; then mv $drop_in.rollcall-old $drop_in; fi
        say "sshd does not take the door's configuration, so it was taken back: $problem"
        return 1
    fi
    rm -f $drop_in.rollcall-old
    reload_sshd
}

# shut_door link|all: takes the drop-in away; with link only the package's own.
shut_door() {
    if [ "$1" = all ] || [ -L $drop_in ]; then
        rm -f $drop_in $drop_in.rollcall-old $drop_in.rollcall-new
        reload_sshd
    fi
}

# A unit that install.sh put here in an earlier time would outrank the package's.
remove_loose_unit() {
    if grep -qs '^Description=Rollcall agent' /etc/systemd/system/rollcall-agent.service; then
        rm -f /etc/systemd/system/rollcall-agent.service
    fi
}

# Where BusyBox is init it starts the daemon, and again when it ends.
inittab_line="::respawn:$program run"
start_by_inittab() {
    grep -qxF "$inittab_line" /etc/inittab || echo "$inittab_line" >> /etc/inittab
    kill -HUP 1
}
remove_from_inittab() {
    if has_inittab && grep -qxF "$inittab_line" /etc/inittab; then
        grep -vxF "$inittab_line" /etc/inittab > /etc/inittab.rollcall-new || true
        cat /etc/inittab.rollcall-new > /etc/inittab
        rm -f /etc/inittab.rollcall-new
        kill -HUP 1
    fi
}

# Processes of the program that was installed, daemon and relays, by what they run and not by their names. A file that was replaced or
# removed shows with a word after it.
agent_processes() {
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in
            $program | "$program (deleted)") echo "${process#/proc/}" ;;
        esac
    done
}
# Ends those that run now; what init starts in their place is left alone.
end_agent() {
    running=$(agent_processes)
    for process in $running; do kill "$process" 2>/dev/null || true; done
    tries=0
    while [ $tries -lt 50 ]; do
        left=
        for process in $running; do
            if kill -0 "$process" 2>/dev/null; then left="$left $process"; fi
        done
        if [ -z "$left" ]; then return 0; fi
        sleep 0.2 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    for process in $left; do kill -9 "$process" 2>/dev/null || true; done
}
