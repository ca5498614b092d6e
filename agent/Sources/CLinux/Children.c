#define _GNU_SOURCE
#include "CLinux.h"
#include "Sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* On 32-bit ARM the plain names are the calls of old, with ids of 16 bits: another user, and groups nobody asked for. */
#ifdef SYS_setgroups32
#undef SYS_setgroups
#undef SYS_setresgid
#undef SYS_setresuid
#define SYS_setgroups SYS_setgroups32
#define SYS_setresgid SYS_setresgid32
#define SYS_setresuid SYS_setresuid32
#endif

enum { STATUS_FD = 3, FIRST_FREE_FD = 4 };
/* Processes and threads of a probe's user, all probes together; below the TasksMax of the agent's unit. */
enum { PROCESS_LIMIT = 128 };

/* Everything below until execve runs in the child of a process that may have threads: only async-signal-safe calls. */

static void close_rest(void) {
    if (syscall(SYS_close_range, FIRST_FREE_FD, ~0u, 0) == 0) return;
    struct rlimit limit = {1024, 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    int end = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
    for (int fd = FIRST_FREE_FD; fd < end; fd++) close(fd);
}

static int limit(int what, uint64_t value) {
    rlim_t clipped = value >= (uint64_t)((rlim_t)-1) ? RLIM_INFINITY : (rlim_t)value;
    struct rlimit pair = {clipped, clipped}, now;
    if (getrlimit(what, &now) == 0 && now.rlim_max < clipped && geteuid() != 0) pair.rlim_cur = pair.rlim_max = now.rlim_max;
    return setrlimit(what, &pair);
}

static void report(uint32_t measures, uint32_t problem) {
    uint32_t pair[2] = {measures, problem};
    uint8_t bytes[8];
    for (int index = 0; index < 8; index++) bytes[index] = (uint8_t)(pair[index / 4] >> (8 * (index % 4)));
    ssize_t written = write(STATUS_FD, bytes, sizeof bytes);
    (void)written;
}

static _Noreturn void give_up(uint32_t measures, int problem) {
    report(measures, 0);
    report(measures, (uint32_t)problem);
    _exit(127);
}

/* Puts the limits on; what must hold for safety ends the child when it fails, the rest is only left out of the report. */
static uint32_t isolate(const struct rc_plan *plan, pid_t parent) {
    uint32_t measures = 0;
    /* Copies above the numbers they go to, so that no dup2 overwrites a source. */
    int output = fcntl(plan->output, F_DUPFD, 10), error = fcntl(plan->error, F_DUPFD, 10), status = fcntl(plan->status, F_DUPFD, 10);
    int opened = plan->input ? plan->input : open("/dev/null", O_RDONLY), null = fcntl(opened, F_DUPFD, 10);
    if (output < 0 || error < 0 || status < 0 || null < 0) _exit(126);
    if (dup2(status, STATUS_FD) < 0 || fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC) < 0) _exit(126);
    if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0) give_up(measures, errno);
    close_rest();
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(077);
    if (setsid() < 0 || chdir("/") < 0) give_up(measures, errno);
    measures |= RC_ISOLATED;
    int limited = limit(RLIMIT_CPU, plan->cpu_seconds) | limit(RLIMIT_AS, plan->memory_bytes) | limit(RLIMIT_NOFILE, plan->descriptors)
                  | limit(RLIMIT_CORE, 0);
    if (limited == 0) measures |= RC_LIMITS;
    errno = 0;
    int nicer = plan->keeps_priority ? -1 : nice(10);
    int idle = (int)syscall(SYS_ioprio_set, 1 /* this process */, 0, 3 << 13 /* idle class */);
    if (!plan->keeps_priority && !(nicer == -1 && errno != 0) && idle == 0) measures |= RC_LOW_PRIORITY;
    if (plan->own_network && unshare(CLONE_NEWNET) == 0) measures |= RC_NO_NETWORK;
    if (plan->changes_user) {
        /* To these calls -1 means "leave it as it is", which is root. */
        if (plan->uid == UINT32_MAX || plan->gid == UINT32_MAX) give_up(measures, EINVAL);
        /* The raw calls act on this thread only, which is the only one a forked child has. */
        if (syscall(SYS_setgroups, (int)plan->group_count, plan->groups) < 0) give_up(measures, errno);
        if (syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) < 0) give_up(measures, errno);
        if (syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid) < 0) give_up(measures, errno);
        if (getuid() != plan->uid || geteuid() != plan->uid || getgid() != plan->gid || getegid() != plan->gid)
            give_up(measures, EPERM);
        measures |= RC_USER;
        /* After the change of user, or execve would fail where that user has more already. Who stays the agent's user keeps its own limit. */
        if (plan->uid != 0 && limit(RLIMIT_NPROC, PROCESS_LIMIT) == 0) measures |= RC_PROCESS_LIMIT;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) measures |= RC_NO_NEW_PRIVILEGES;
    /* After the change of user, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(126);
    measures |= rc_confine(plan);
    if ((measures & plan->required) != plan->required) give_up(measures, ENOTSUP);
    return measures;
}

/* The words of a command line, ended by a null pointer; freed by the caller. */
static char **words(const uint8_t *arguments, uint32_t count) {
    char **line = calloc((size_t)count + 1, sizeof *line);
    char *next = (char *)arguments;
    for (uint32_t index = 0; line && index < count; index++) {
        line[index] = next;
        next += strlen(next) + 1;
    }
    return line;
}

int32_t rc_spawn(const struct rc_plan *plan, const uint8_t *arguments, uint32_t count) {
    char **line = words(arguments, count);
    if (!line) return -ENOMEM;
    static char *const nothing[] = {NULL};
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        uint32_t measures = isolate(plan, parent);
        report(measures, 0);
        execve(line[0], line, nothing);
        report(measures, (uint32_t)errno);
        _exit(127);
    }
    int problem = errno;
    free(line);
    return pid < 0 ? -problem : pid;
}

extern char **environ;

int32_t rc_become(const uint8_t *path, const uint8_t *arguments, uint32_t count) {
    char **line = words(arguments, count);
    if (!line) return -ENOMEM;
    execve((const char *)path, line, environ);
    int problem = errno;
    free(line);
    return -problem;
}

int32_t rc_start_trial(const uint8_t *path, const uint8_t *arguments, uint32_t count) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent || setenv("ROLLCALL_TRIAL", "yes", 1) < 0) _exit(126);
        rc_become(path, arguments, count);
        _exit(127);
    }
    return pid < 0 ? -errno : pid;
}

int32_t rc_fork_limited(const struct rc_plan *plan) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) report(isolate(plan, parent), 0);
    return pid < 0 ? -errno : pid;
}

int32_t rc_has_exited(int32_t pid) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return -errno;
    return info.si_pid == pid;
}

int32_t rc_reap(int32_t pid, struct rc_ending *out) {
    int status = 0;
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    pid_t found = wait4(pid, &status, WNOHANG, &usage);
    if (found < 0) return -errno;
    out->signalled = WIFSIGNALED(status);
    out->code = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
    out->cpu_us = (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec
                  + (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec;
    return found;
}

int32_t rc_terminate(int32_t pid) { return kill(pid, SIGTERM) < 0 ? -errno : 0; }
int32_t rc_kill(int32_t pid) { return kill(pid, SIGKILL) < 0 ? -errno : 0; }
int32_t rc_kill_group(int32_t pid) { return pid <= 1 || kill(-pid, SIGKILL) < 0 ? -errno : 0; }
int32_t rc_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }
