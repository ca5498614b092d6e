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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
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

static void reset_signals(void) {
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Becomes another user for good, or fails with errno. The raw calls act on this thread only, which is the only one a forked child has. */
static int become_user(uint32_t uid, uint32_t gid, uint32_t group_count, const uint32_t *groups) {
    errno = EINVAL;
    /* To these calls -1 means "leave it as it is", which is root. */
    if (uid == UINT32_MAX || gid == UINT32_MAX) return -1;
    if (syscall(SYS_setgroups, (int)group_count, groups) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0) return -1;
    if (syscall(SYS_setresuid, uid, uid, uid) < 0) return -1;
    errno = EPERM;
    return getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid ? 0 : -1;
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
    reset_signals();
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
        if (become_user(plan->uid, plan->gid, plan->group_count, plan->groups) < 0) give_up(measures, errno);
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

int32_t rc_open_terminal(uint32_t columns, uint32_t rows) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), locked = 0;
    if (fd < 0) return -errno;
    if (ioctl(fd, TIOCSPTLCK, &locked) < 0) {
        int problem = errno;
        close(fd);
        return -problem;
    }
    rc_resize_terminal(fd, columns, rows);
    return fd;
}
void rc_resize_terminal(int32_t fd, uint32_t columns, uint32_t rows) {
    struct winsize size = {(unsigned short)rows, (unsigned short)columns, 0, 0};
    ioctl(fd, TIOCSWINSZ, &size);
}
int32_t rc_foreground(int32_t fd) {
    pid_t group = 0;
    return ioctl(fd, TIOCGPGRP, &group) < 0 ? -errno : group;
}
int32_t rc_signal_foreground(int32_t fd, int32_t session, int32_t number) {
    /* The kernel itself knows whom these are for; a number alone may be somebody else's by now. */
    if (ioctl(fd, TIOCSIG, number) == 0) return 0;
    pid_t group = rc_foreground(fd);
    return group <= 1 || getsid(group) != session || kill(-group, number) < 0 ? -ESRCH : 0;
}

/* The other end of a terminal: by the terminal itself, so that no mount of /dev/pts matters; by its path before Linux 4.13. */
static int open_tty(int terminal) {
    int tty = ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY), number = 0;
    if (tty >= 0) return tty;
    char path[24] = "/dev/pts/", digits[12], *end = path + 9;
    if (ioctl(terminal, TIOCGPTN, &number) < 0) return -1;
    int count = 0;
    do digits[count++] = (char)('0' + number % 10); while (number /= 10);
    while (count) *end++ = digits[--count];
    return open(path, O_RDWR | O_NOCTTY);
}

static _Noreturn void end_shell(const char *sentence) {
    (void)!write(2, sentence, strlen(sentence));
    _exit(126);
}

static _Noreturn void run_shell(const struct rc_shell *shell, const uint32_t *groups, char **line, char **environment, pid_t parent) {
    int tty = open_tty(shell->terminal);
    if (tty < 0 || setsid() < 0 || ioctl(tty, TIOCSCTTY, 0) < 0) _exit(126);
    if (shell->changes_user) (void)!fchown(tty, shell->uid, (gid_t)-1);
    struct termios modes;
    if (tcgetattr(tty, &modes) == 0) {
        modes.c_iflag |= IUTF8;
        tcsetattr(tty, TCSANOW, &modes);
    }
    if (shell->scope >= 0) (void)!write(shell->scope, "0", 1);
    for (int fd = 0; fd < 3; fd++) if (dup2(tty, fd) < 0) _exit(126);
    close(STATUS_FD);
    close_rest();
    reset_signals();
    umask(022);
    if (shell->changes_user) {
        if (become_user(shell->uid, shell->gid, shell->group_count, groups) < 0) end_shell("The user of shells cannot be had.\r\n");
        if (shell->uid != 0) limit(RLIMIT_NPROC, PROCESS_LIMIT);
    }
    if (shell->gains_nothing && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) end_shell("no_new_privs cannot be had.\r\n");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(126);
    if (chdir(line[1]) < 0 && chdir("/") < 0) _exit(126);
    /* A name that begins with a dash makes it a login shell. */
    execve(line[0], (char *[]){line[2], NULL}, environment);
    execve("/bin/sh", (char *[]){"-sh", NULL}, environment);
    end_shell("There is no shell on this device that can be started.\r\n");
}

static char *joined(const char *key, const char *value) {
    size_t length = strlen(key), rest = strlen(value) + 1;
    char *pair = malloc(length + rest);
    if (!pair) return NULL;
    memcpy(pair, key, length);
    memcpy(pair + length, value, rest);
    return pair;
}

int32_t rc_start_shell(const struct rc_shell *shell, const uint32_t *groups, const uint8_t *strings) {
    /* By their places in `strings`. */
    static const char *const keys[] = {"SHELL=", "HOME=", "-", "TERM=", "USER=", "LOGNAME="};
    enum { KEYS = sizeof keys / sizeof *keys };
    char **line = words(strings, KEYS), *pairs[KEYS], *next[KEYS + 2];
    if (!line) return -ENOMEM;
    int problem = 0, count = 0;
    for (int index = 0; index < KEYS; index++) {
        if (!(pairs[index] = joined(keys[index], line[index]))) problem = ENOMEM;
        if (index != 2) next[count++] = pairs[index];
    }
    next[count++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    next[count++] = "LANG=C.UTF-8";
    next[count] = NULL;
    line[2] = pairs[2];
    pid_t parent = getpid(), pid = problem ? -1 : fork();
    if (pid == 0) run_shell(shell, groups, line, next, parent);
    if (pid < 0 && !problem) problem = errno;
    for (int index = 0; index < KEYS; index++) free(pairs[index]);
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
