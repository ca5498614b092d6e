/* Calls of libc and the kernel that Swift cannot make by itself.
 *
 * Nothing but fixed-width integers crosses this border, so that the header means the same under glibc and musl, whatever their
 * structures look like. What can fail returns a negative errno. Calls that a signal interrupted are made again. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How to open a file; the kernel's own numbers differ between architectures. */
enum {
    RC_READ = 1, RC_WRITE = 2, RC_CREATE = 4, RC_EXCLUSIVE = 8, RC_TRUNCATE = 16, RC_DIRECTORY = 32, RC_NOFOLLOW = 64, RC_PATH = 128,
};

/* Kinds of file, as rc_stat tells them. */
enum { RC_REGULAR = 1, RC_DIRECTORY_FILE = 2, RC_SYMLINK = 3, RC_OTHER = 4 };

int32_t rc_open(int32_t directory, const uint8_t *path, uint32_t flags, uint32_t mode);
/* openat2(2) with RESOLVE_NO_SYMLINKS; a walk by single components where the kernel has no openat2. */
int32_t rc_open_without_symlinks(int32_t directory, const uint8_t *path, uint32_t flags);
int32_t rc_close(int32_t fd);
int64_t rc_read(int32_t fd, uint8_t *buffer, uint64_t count);
int64_t rc_write(int32_t fd, const uint8_t *bytes, uint64_t count);
int64_t rc_pread(int32_t fd, uint8_t *buffer, uint64_t count, uint64_t offset);
int64_t rc_pwrite(int32_t fd, const uint8_t *bytes, uint64_t count, uint64_t offset);
int32_t rc_sync(int32_t fd);
int32_t rc_datasync(int32_t fd);
/* Lets the disk begin with what was written; rc_sync then waits for less. */
void rc_begin_sync(int32_t fd);
int32_t rc_truncate(int32_t fd, uint64_t size);
int32_t rc_lock(int32_t fd);
int32_t rc_rename(const uint8_t *from, const uint8_t *to);
int32_t rc_link(const uint8_t *from, const uint8_t *to);
int32_t rc_set_mode(int32_t fd, uint32_t mode);
int32_t rc_unlink(const uint8_t *path);
/* Renames within a directory; without `replaces` a name that is taken is -EEXIST. */
int32_t rc_rename_in(int32_t directory, const uint8_t *from, const uint8_t *to, uint32_t replaces);
int32_t rc_unlink_in(int32_t directory, const uint8_t *name);
/* Owner, group and permission bits of an open file, in that order: a change of owner clears bits. */
int32_t rc_set_access(int32_t fd, uint32_t uid, uint32_t gid, uint32_t mode);
int32_t rc_make_directory(const uint8_t *path, uint32_t mode);
int32_t rc_remove_directory(const uint8_t *path);
int32_t rc_set_nonblocking(int32_t fd);
void rc_seek_end(int32_t fd);
/* Directory entries as getdents64(2) writes them. */
int64_t rc_list(int32_t fd, uint8_t *buffer, uint64_t count);

/* What a symbolic link points to; returns how many bytes of it. */
int64_t rc_target(const uint8_t *path, uint8_t *buffer, uint64_t count);

struct rc_stat {
    uint64_t size;
    /* When the content was changed last, microseconds UTC; 0 before 1970. */
    uint64_t changed_us;
    uint64_t device;
    /* type is the upper four bits of st_mode. */
    uint32_t kind, type, mode, uid, gid, links;
};
int32_t rc_stat_fd(int32_t fd, struct rc_stat *out);
int32_t rc_stat_path(const uint8_t *path, struct rc_stat *out);

struct rc_space {
    uint64_t block_size, blocks, free_blocks, available_blocks, inodes, free_inodes;
};
int32_t rc_statfs(const uint8_t *path, struct rc_space *out);

uint64_t rc_realtime_us(void);
uint64_t rc_monotonic_us(void);
uint64_t rc_boottime_us(void);
/* As adjtimex(2) has it; frequency in millionths over 65,536. */
struct rc_clock {
    int64_t offset_us, error_us, frequency;
};
/* 1 where the clock is synchronised, 0 where not. */
int32_t rc_clock_state(struct rc_clock *out);
int32_t rc_random(uint8_t *buffer, uint64_t count);
uint32_t rc_effective_uid(void);
int32_t rc_process_id(void);
/* The machine's name for its architecture, ended by a NUL. */
int32_t rc_architecture(uint8_t *buffer, uint64_t count);
/* The value of an environment variable, or NULL. */
const uint8_t *rc_environment(const uint8_t *name);
_Noreturn void rc_exit(int32_t status);
/* Gives back the memory of code that is seldom called, until it is called again. */
void rc_forget_seldom_called(void);
/* Whether memory that is freed stays at hand for the next that is asked for: faster where bytes pass through. */
void rc_keep_freed(int32_t keeps);

struct rc_poll_item {
    int32_t fd;
    int16_t events, revents;
};
int32_t rc_poll(struct rc_poll_item *items, uint64_t count, int32_t timeout_ms);

/* Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP, ignores SIGPIPE, and returns a descriptor that tells of them. */
int32_t rc_signal_descriptor(void);
/* Makes a write to something whose reader is gone fail instead of ending the process. */
void rc_ignore_broken_pipes(void);
/* The signals that arrived, as a mask of 1 << number. */
uint64_t rc_take_signals(int32_t fd);

/* A listening Unix socket at `path`, replacing a dead one; anyone may knock, rc_accept says who it is. */
int32_t rc_listen(const uint8_t *path);
int32_t rc_accept(int32_t fd, uint32_t *uid);
/* With `at_once` neither this nor what is done with the descriptor waits. */
int32_t rc_connect(const uint8_t *path, uint32_t at_once);
/* Begins to connect to a numeric IPv4 or IPv6 address, by TCP or for datagrams; the socket is writable once that is decided, and
   rc_socket_problem tells how. */
int32_t rc_connect_numeric(const uint8_t *address, uint32_t port, uint32_t datagram);
/* The errno of a socket, 0 for none (SO_ERROR). */
int32_t rc_socket_problem(int32_t fd);
int32_t rc_shutdown_write(int32_t fd);
/* As rc_read and rc_write; on a socket neither waits, though whoever shares it has it wait. */
int64_t rc_read_at_once(int32_t fd, uint8_t *buffer, uint64_t count);
int64_t rc_write_at_once(int32_t fd, const uint8_t *bytes, uint64_t count);
/* Whether a descriptor is a pipe or a stream socket, as what a program is given by sshd is. */
int32_t rc_is_stream(int32_t fd);
/* Sends bytes and two descriptors of this process to whoever is at the other end of a Unix socket (SCM_RIGHTS in unix(7)); waits until all
 * bytes are on their way. */
int64_t rc_send_with(int32_t fd, const uint8_t *bytes, uint64_t count, int32_t first, int32_t second);
/* Reads bytes, and the two descriptors that came with them, for reading and for writing: -1 both where none came. -EBADF where they are no
 * streams, or not two. */
int64_t rc_receive_with(int32_t fd, uint8_t *buffer, uint64_t count, int32_t *passed);
/* Sends one datagram to a Unix socket; a path that begins with @ is an abstract name (sd_notify(3)). */
int32_t rc_send_datagram(const uint8_t *path, const uint8_t *bytes, uint64_t count);
int32_t rc_pipe(int32_t *ends);

/* What a child is limited by. */
struct rc_plan {
    int32_t output, error, status;
    /* Standard input; 0 for /dev/null. */
    int32_t input;
    /* Whether it keeps the agent's CPU priority: somebody waits for every byte of it. */
    uint32_t keeps_priority;
    uint32_t changes_user, uid, gid, group_count;
    const uint32_t *groups;
    uint32_t own_network;
    uint64_t cpu_seconds, memory_bytes, descriptors;
    /* Measures to be taken where the kernel has them, RC_LANDLOCK and RC_SYSTEM_CALLS; and those without which the child ends. */
    uint32_t sandbox, required;
    /* Whether it may open sockets: of every family but AF_UNIX, and of that one. */
    uint32_t network, local_sockets;
    /* Whether it may read in one directory only, and write nowhere. */
    uint32_t reads_only;
    /* Strings, each ended by a NUL: that directory, or one that it may neither read nor write; then `writable_count` paths beneath which it
     * may write. */
    uint32_t writable_count;
    const uint8_t *paths;
};
/* Bits that a child writes to its status pipe: the measures in force, numbered as Done.Measures. */
enum {
    RC_ISOLATED = 1, RC_NO_NEW_PRIVILEGES = 2, RC_USER = 4, RC_LIMITS = 8, RC_LOW_PRIORITY = 16, RC_NO_NETWORK = 32,
    RC_LANDLOCK = 64, RC_NO_LOCAL_SOCKETS = 128, RC_PROCESS_LIMIT = 256, RC_SYSTEM_CALLS = 512,
};
/* Which of RC_LANDLOCK and RC_SYSTEM_CALLS this kernel has. */
uint32_t rc_sandbox_measures(void);
/* Keeps processes of the same user from tracing this one and reading its memory (PR_SET_DUMPABLE). */
void rc_forbid_tracing(void);
/* Starts a program: `arguments` are `count` strings, each ended by a NUL. The status pipe gets two little-endian 32-bit numbers before
 * execve, measures and 0, and two more if it fails, measures and errno. */
int32_t rc_spawn(const struct rc_plan *plan, const uint8_t *arguments, uint32_t count);
/* Forks a child that is limited in the same way and goes on in this program: 0 in the child. */
int32_t rc_fork_limited(const struct rc_plan *plan);

/* A new terminal of that size; the descriptor is its keyboard and screen, and reads and writes of it return at once. */
int32_t rc_open_terminal(uint32_t columns, uint32_t rows);
void rc_resize_terminal(int32_t fd, uint32_t columns, uint32_t rows);
/* The process group in a terminal's foreground. */
int32_t rc_foreground(int32_t fd);
/* Sends a signal to that group, where it belongs to the session. */
int32_t rc_signal_foreground(int32_t fd, int32_t session, int32_t number);

/* What a shell is started with. */
struct rc_shell {
    int32_t terminal;
    /* The cgroup.procs that it writes itself to; -1 for none. */
    int32_t scope;
    uint32_t changes_user, uid, gid, group_count;
    /* Whether no program of it gets more rights than it has, such as by a set-uid bit. */
    uint32_t gains_nothing;
};
/* Starts a login shell with a terminal as its controlling one, in a session of its own. What keeps it from starting, it says on the
 * terminal. `strings`, each ended by a NUL: its path, home, name, the terminal's type, the user twice. */
int32_t rc_start_shell(const struct rc_shell *shell, const uint32_t *groups, const uint8_t *strings);

/* Becomes another program with this one's environment, as the same process; returns only where it cannot. */
int32_t rc_become(const uint8_t *path, const uint8_t *arguments, uint32_t count);
/* Starts another agent beside this one, with ROLLCALL_TRIAL in its environment; it ends when this process does. */
int32_t rc_start_trial(const uint8_t *path, const uint8_t *arguments, uint32_t count);

struct rc_ending {
    uint32_t signalled, code;
    uint64_t cpu_us;
};
/* 1 when the child has exited and waits to be reaped, 0 when it has not. */
int32_t rc_has_exited(int32_t pid);
/* The pid that was reaped, or 0 when none is ready; -1 as `pid` means any child. */
int32_t rc_reap(int32_t pid, struct rc_ending *out);
/* Asks a process to end (SIGTERM). */
int32_t rc_terminate(int32_t pid);
int32_t rc_kill(int32_t pid);
int32_t rc_kill_group(int32_t pid);
int32_t rc_become_subreaper(void);
