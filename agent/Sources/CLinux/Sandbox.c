/* Files by Landlock (landlock(7)), sockets and some other calls by seccomp (seccomp(2)): what needs no privilege.
 *
 * Debian's musl has no kernel headers, so numbers and structures of the kernel's interface stand here. Only async-signal-safe calls. */
#define _GNU_SOURCE
#include "Sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_ADD_RULE = 445, LANDLOCK_RESTRICT_SELF = 446, IO_URING_SETUP = 425, PIDFD_GETFD = 438 };

/* Landlock's rights on files. */
enum {
    EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIRECTORY = 1 << 3, MAKE_DEVICES = 1 << 6 | 1 << 11,
    CHANGES = WRITE_FILE | 0x1ff0 /* removing and making of every kind */, REFER = 1 << 13, TRUNCATE = 1 << 14,
    OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE,
};

static long landlock_version(void) { return syscall(LANDLOCK_CREATE_RULESET, NULL, (size_t)0, 1); }

uint32_t rc_sandbox_measures(void) {
    uint32_t measures = landlock_version() >= 1 ? RC_LANDLOCK : 0;
    /* A filter that is not there is a bad address to a kernel that takes filters. */
    if (prctl(PR_SET_SECCOMP, 2, NULL, 0, 0) < 0 && errno == EFAULT) measures |= RC_SYSTEM_CALLS;
    return measures;
}

void rc_forbid_tracing(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/* Which file it is, as statx(2) has it from what the kernel knows already: a dead mount is not asked. */
struct place {
    uint64_t inode;
    uint32_t major, minor;
    int is_directory;
};
static int look(int fd, struct place *out) {
    struct { uint32_t head[7]; uint16_t mode, pad; uint64_t inode, between[11]; uint32_t device[2], major, minor; uint64_t rest[14]; } found;
    _Static_assert(sizeof found == 256, "struct statx");
    if (syscall(SYS_statx, fd, "", 0x5000 /* AT_EMPTY_PATH, AT_STATX_DONT_SYNC */, 0x101 /* type, inode */, &found) < 0) return -1;
    out->inode = found.inode;
    out->major = found.major;
    out->minor = found.minor;
    out->is_directory = S_ISDIR(found.mode);
    return 0;
}
static int is_same(const struct place *one, const struct place *other) {
    return one->inode == other->inode && one->major == other->major && one->minor == other->minor;
}

/* Rights that are being given: no rule of Landlock takes away what another gives. */
struct grant {
    int rules;
    uint64_t rights;
};
static void give(const struct grant *grant, int fd, const struct place *what) {
    struct __attribute__((packed)) { uint64_t rights; int32_t fd; } rule = {what->is_directory ? grant->rights : grant->rights & OF_A_FILE, fd};
    syscall(LANDLOCK_ADD_RULE, grant->rules, 1 /* beneath a path */, &rule, 0);
}

/* Everything in a directory but one entry. O_PATH mounts nothing and waits for nothing. */
static void give_beside(const struct grant *grant, int directory, const struct place *not_this) {
    uint8_t names[4096] __attribute__((aligned(8)));
    long count;
    while ((count = syscall(SYS_getdents64, directory, names, sizeof names)) > 0) {
        uint16_t size;
        /* struct linux_dirent64: the record's size at 16, its name at 19. */
        for (long at = 0; at < count; at += size) {
            memcpy(&size, names + at + 16, sizeof size);
            const char *name = (const char *)names + at + 19;
            struct place entry;
            if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
            int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0) continue;
            if (look(fd, &entry) == 0 && !is_same(&entry, not_this)) give(grant, fd, &entry);
            close(fd);
        }
    }
}

/* Climbs from the directory `hidden` to `top`, and says whether it is met; with a grant everything beside the way is given. */
static int climb(const char *hidden, const struct place *top, const struct grant *grant) {
    struct place own, up;
    int here = open(hidden, O_PATH | O_CLOEXEC), is_met = 0;
    while (here >= 0 && look(here, &own) == 0 && !(is_met = is_same(&own, top))) {
        /* Where the directory may not be read, nothing beside the way is given. */
        int parent = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0) parent = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(here);
        here = parent;
        if (here < 0 || look(here, &up) < 0 || is_same(&up, &own)) break;
        if (grant) give_beside(grant, here, &own);
    }
    if (here >= 0) close(here);
    return is_met;
}

/* Gives what is beneath a path, but for what is hidden. No symbolic link is followed: it may be anybody's. */
static void give_beneath(const struct grant *grant, const char *path, const char *hidden) {
    struct place top;
    int fd = rc_open_without_symlinks(-1, (const uint8_t *)path, RC_PATH);
    if (fd < 0) return;
    if (look(fd, &top) == 0) {
        if (climb(hidden, &top, NULL)) climb(hidden, &top, grant);
        else give(grant, fd, &top);
    }
    close(fd);
}

static uint32_t limit_files(const struct rc_plan *plan) {
    long version = landlock_version();
    if (version < 1) return 0;
    const char *hidden = (const char *)plan->paths, *path = hidden;
    uint64_t changes = CHANGES | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0);
    /* Another user cannot read what is hidden; this one could. */
    uint64_t reading = plan->reads_only ? READ_FILE | READ_DIRECTORY : plan->changes_user ? 0 : READ_FILE;
    /* From version 6 on: no signal and no abstract socket of a process outside. */
    uint64_t scopes = version < 6 ? 0 : plan->local_sockets ? 2 : 3;
    struct { uint64_t files, network, scopes; } handled = {changes | reading, 0, scopes};
    int rules = (int)syscall(LANDLOCK_CREATE_RULESET, &handled, sizeof handled, 0);
    if (rules < 0) return 0;
    struct grant grant = {rules, reading};
    if (plan->reads_only) give_beneath(&grant, hidden, "");
    else if (reading) give_beneath(&grant, "/", hidden);
    grant.rights = changes & ~(uint64_t)MAKE_DEVICES;
    give_beneath(&grant, "/dev/null", hidden);
    for (uint32_t index = 0; index < plan->writable_count; index++) {
        path += strlen(path) + 1;
        give_beneath(&grant, path, hidden);
    }
    long problem = syscall(LANDLOCK_RESTRICT_SELF, rules, 0);
    close(rules);
    return problem == 0 ? RC_LANDLOCK : 0;
}

#if defined(__x86_64__)
#define ARCHITECTURE 0xc000003eu
#elif defined(__aarch64__)
#define ARCHITECTURE 0xc00000b7u
#elif defined(__arm__)
#define ARCHITECTURE 0x40000028u
#endif

#ifdef ARCHITECTURE
/* Calls that no probe makes: into another process, and io_uring, which makes sockets past this filter. */
static const uint16_t foreign[] = {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, PIDFD_GETFD, IO_URING_SETUP};
/* Calls that change a file without writing to it, which Landlock does not know of. */
static const uint16_t changing[] = {
#ifdef SYS_chmod
    SYS_chmod, SYS_chown, SYS_lchown,
#endif
#ifdef SYS_utime
    SYS_utime, SYS_utimes, SYS_futimesat,
#endif
#ifdef SYS_chown32
    SYS_chown32, SYS_lchown32, SYS_fchown32,
#endif
#ifdef SYS_truncate64
    SYS_truncate64,
#endif
#ifdef __arm__
    412 /* utimensat_time64 */,
#endif
    SYS_truncate, SYS_fchmod, SYS_fchmodat, 452 /* fchmodat2 */, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr,
    SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, 463 /* setxattrat */, 466 /* removexattrat */,
};

/* Instructions of classic BPF (linux/filter.h). */
struct step {
    uint16_t code;
    uint8_t yes, no;
    uint32_t value;
};
enum { LOAD = 0x20, IS_EQUAL = 0x15, IS_LEAST = 0x35, ANSWER = 0x06 };
enum { CALL_AT = 0, ARCHITECTURE_AT = 4, FIRST_ARGUMENT_AT = 16 };
#define ALLOWED 0x7fff0000u
#define FAILS(number) (0x00050000u | (number))

static uint32_t limit_calls(const struct rc_plan *plan) {
    struct step steps[16 + 2 * (sizeof foreign + sizeof changing) / sizeof *foreign], *next = steps;
#define STEP(...) *next++ = (struct step){__VA_ARGS__}
    STEP(LOAD, 0, 0, ARCHITECTURE_AT);
    STEP(IS_EQUAL, 1, 0, ARCHITECTURE);
    STEP(ANSWER, 0, 0, FAILS(ENOSYS));
    STEP(LOAD, 0, 0, CALL_AT);
#ifdef __x86_64__
    /* x32: the same calls under other numbers. */
    STEP(IS_LEAST, 0, 1, 0x40000000);
    STEP(ANSWER, 0, 0, FAILS(ENOSYS));
#endif
    size_t count = sizeof foreign / sizeof *foreign;
    for (size_t index = 0; index < count + sizeof changing / sizeof *changing; index++) {
        if (index >= count && plan->writable_count > 0) break;
        STEP(IS_EQUAL, 0, 1, index < count ? foreign[index] : changing[index - count]);
        STEP(ANSWER, 0, 0, FAILS(EPERM));
    }
    STEP(IS_EQUAL, 1, 0, SYS_socket);
    STEP(IS_EQUAL, 0, 4, SYS_socketpair);
    STEP(LOAD, 0, 0, FIRST_ARGUMENT_AT);
    STEP(IS_EQUAL, 0, 1, AF_UNIX);
    STEP(ANSWER, 0, 0, plan->local_sockets ? ALLOWED : FAILS(EAFNOSUPPORT));
    STEP(ANSWER, 0, 0, plan->network ? ALLOWED : FAILS(EAFNOSUPPORT));
    STEP(ANSWER, 0, 0, ALLOWED);
    struct { uint16_t count; struct step *steps; } program = {(uint16_t)(next - steps), steps};
    if (prctl(PR_SET_SECCOMP, 2, &program, 0, 0) < 0) return 0;
    return RC_SYSTEM_CALLS | (plan->network ? 0 : RC_NO_NETWORK) | (plan->local_sockets ? 0 : RC_NO_LOCAL_SOCKETS);
}
#else
static uint32_t limit_calls(const struct rc_plan *plan) { (void)plan; return 0; }
#endif

uint32_t rc_confine(const struct rc_plan *plan) {
    uint32_t measures = 0;
    if (plan->sandbox & RC_LANDLOCK) measures |= limit_files(plan);
    if (plan->sandbox & RC_SYSTEM_CALLS) measures |= limit_calls(plan);
    return measures;
}
