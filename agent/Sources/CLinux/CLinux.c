#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static int translated(uint32_t flags) {
    int result = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if ((flags & RC_READ) && (flags & RC_WRITE)) result |= O_RDWR;
    else if (flags & RC_WRITE) result |= O_WRONLY;
    if (flags & RC_CREATE) result |= O_CREAT;
    if (flags & RC_EXCLUSIVE) result |= O_EXCL;
    if (flags & RC_TRUNCATE) result |= O_TRUNC;
    if (flags & RC_DIRECTORY) result |= O_DIRECTORY;
    if (flags & RC_NOFOLLOW) result |= O_NOFOLLOW;
    if (flags & RC_PATH) result = (result & ~(O_NONBLOCK | O_NOCTTY)) | O_PATH;
    return result;
}

int32_t rc_open(int32_t directory, const uint8_t *path, uint32_t flags, uint32_t mode) {
    int fd;
    do fd = openat(directory < 0 ? AT_FDCWD : directory, (const char *)path, translated(flags), (mode_t)mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return -errno;
    /* What is written anew from its first byte gets its mode whatever the umask; a file system without modes is as it is. */
    if ((flags & (RC_CREATE | RC_TRUNCATE)) == (RC_CREATE | RC_TRUNCATE)) (void)!fchmod(fd, (mode_t)mode);
    return fd;
}

static int32_t walk(int32_t directory, const char *path, uint32_t flags) {
    char part[256];
    int current = -1;
    while (*path == '/') path++;
    for (;;) {
        size_t length = strcspn(path, "/");
        if (length >= sizeof part) { if (current >= 0) close(current); return -ENAMETOOLONG; }
        memcpy(part, path, length);
        part[length] = 0;
        path += length;
        while (*path == '/') path++;
        int is_last = *path == 0;
        int next = rc_open(current >= 0 ? current : directory, (const uint8_t *)(length ? part : "."),
                           is_last ? flags | RC_NOFOLLOW : RC_PATH | RC_DIRECTORY | RC_NOFOLLOW, 0);
        if (current >= 0) close(current);
        if (next < 0 || is_last) return next;
        current = next;
    }
}

int32_t rc_open_without_symlinks(int32_t directory, const uint8_t *path, uint32_t flags) {
    struct { uint64_t flags, mode, resolve; } how = {(uint64_t)translated(flags | RC_NOFOLLOW), 0, 4 /* RESOLVE_NO_SYMLINKS */};
    long fd;
    do fd = syscall(SYS_openat2, directory < 0 ? AT_FDCWD : directory, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0 && errno == ENOSYS) return walk(directory, (const char *)path, flags);
    return fd < 0 ? -errno : (int32_t)fd;
}

int32_t rc_close(int32_t fd) { return close(fd) < 0 ? -errno : 0; }

#define RETRIED(type, call) \
    type result; \
    do result = (call); while (result < 0 && errno == EINTR); \
    return result < 0 ? -errno : result

int64_t rc_read(int32_t fd, uint8_t *buffer, uint64_t count) { RETRIED(ssize_t, read(fd, buffer, (size_t)count)); }
int64_t rc_write(int32_t fd, const uint8_t *bytes, uint64_t count) { RETRIED(ssize_t, write(fd, bytes, (size_t)count)); }
int64_t rc_pread(int32_t fd, uint8_t *buffer, uint64_t count, uint64_t offset) {
    RETRIED(ssize_t, pread(fd, buffer, (size_t)count, (off_t)offset));
}
int64_t rc_pwrite(int32_t fd, const uint8_t *bytes, uint64_t count, uint64_t offset) {
    RETRIED(ssize_t, pwrite(fd, bytes, (size_t)count, (off_t)offset));
}
int32_t rc_sync(int32_t fd) { RETRIED(int, fsync(fd)); }
void rc_begin_sync(int32_t fd) { sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }
int32_t rc_datasync(int32_t fd) { RETRIED(int, fdatasync(fd)); }
int32_t rc_truncate(int32_t fd, uint64_t size) { RETRIED(int, ftruncate(fd, (off_t)size)); }
int32_t rc_lock(int32_t fd) { RETRIED(int, flock(fd, LOCK_EX | LOCK_NB)); }
int32_t rc_rename(const uint8_t *from, const uint8_t *to) { RETRIED(int, rename((const char *)from, (const char *)to)); }
int32_t rc_link(const uint8_t *from, const uint8_t *to) { RETRIED(int, link((const char *)from, (const char *)to)); }
int32_t rc_set_mode(int32_t fd, uint32_t mode) { RETRIED(int, fchmod(fd, (mode_t)mode)); }
int32_t rc_rename_in(int32_t directory, const uint8_t *from, const uint8_t *to, uint32_t replaces) {
    const char *old = (const char *)from, *new = (const char *)to;
    if (replaces) return renameat(directory, old, directory, new) < 0 ? -errno : 0;
    if (syscall(SYS_renameat2, directory, old, directory, new, 1 /* RENAME_NOREPLACE */) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -errno;
    /* A file system without that call: a second name is never made over another. */
    return linkat(directory, old, directory, new, 0) < 0 || unlinkat(directory, old, 0) < 0 ? -errno : 0;
}
int32_t rc_unlink_in(int32_t directory, const uint8_t *name) { return unlinkat(directory, (const char *)name, 0) < 0 ? -errno : 0; }
int32_t rc_set_access(int32_t fd, uint32_t uid, uint32_t gid, uint32_t mode) {
    return fchown(fd, uid, gid) < 0 || fchmod(fd, (mode_t)mode) < 0 ? -errno : 0;
}
int32_t rc_unlink(const uint8_t *path) { RETRIED(int, unlink((const char *)path)); }
int32_t rc_make_directory(const uint8_t *path, uint32_t mode) { RETRIED(int, mkdir((const char *)path, (mode_t)mode)); }
int32_t rc_remove_directory(const uint8_t *path) { return rmdir((const char *)path) < 0 ? -errno : 0; }
void rc_seek_end(int32_t fd) { lseek(fd, 0, SEEK_END); }
int32_t rc_set_nonblocking(int32_t fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}
int64_t rc_list(int32_t fd, uint8_t *buffer, uint64_t count) { RETRIED(long, syscall(SYS_getdents64, fd, buffer, (size_t)count)); }

int64_t rc_target(const uint8_t *path, uint8_t *buffer, uint64_t count) {
    RETRIED(ssize_t, readlink((const char *)path, (char *)buffer, (size_t)count));
}

static void fill(const struct stat *from, struct rc_stat *out) {
    out->size = (uint64_t)from->st_size;
    out->kind = S_ISREG(from->st_mode) ? RC_REGULAR : S_ISDIR(from->st_mode) ? RC_DIRECTORY_FILE : S_ISLNK(from->st_mode) ? RC_SYMLINK : RC_OTHER;
    out->type = (from->st_mode & S_IFMT) >> 12;
    out->device = from->st_dev;
    out->mode = from->st_mode & 07777;
    out->uid = from->st_uid;
    out->gid = from->st_gid;
    out->links = (uint32_t)from->st_nlink;
    int64_t seconds = from->st_mtim.tv_sec;
    out->changed_us = seconds < 0 ? 0 : (uint64_t)seconds * 1000000u + (uint64_t)from->st_mtim.tv_nsec / 1000u;
}
int32_t rc_stat_fd(int32_t fd, struct rc_stat *out) {
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    fill(&found, out);
    return 0;
}
int32_t rc_stat_path(const uint8_t *path, struct rc_stat *out) {
    struct stat found;
    if (lstat((const char *)path, &found) < 0) return -errno;
    fill(&found, out);
    return 0;
}
int32_t rc_statfs(const uint8_t *path, struct rc_space *out) {
    struct statfs found;
    int result;
    do result = statfs((const char *)path, &found); while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    out->block_size = (uint64_t)(found.f_frsize ? found.f_frsize : found.f_bsize);
    out->blocks = found.f_blocks;
    out->free_blocks = found.f_bfree;
    out->available_blocks = found.f_bavail;
    out->inodes = found.f_files;
    out->free_inodes = found.f_ffree;
    return 0;
}

static uint64_t microseconds(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
uint64_t rc_realtime_us(void) { return microseconds(CLOCK_REALTIME); }
uint64_t rc_monotonic_us(void) { return microseconds(CLOCK_MONOTONIC); }
uint64_t rc_boottime_us(void) { return microseconds(CLOCK_BOOTTIME); }
int32_t rc_clock_state(struct rc_clock *out) {
    struct timex state;
    memset(&state, 0, sizeof state);
    if (adjtimex(&state) < 0) return -errno;
    out->offset_us = state.status & STA_NANO ? state.offset / 1000 : state.offset;
    out->error_us = state.esterror;
    out->frequency = state.freq;
    return state.status & STA_UNSYNC ? 0 : 1;
}
int32_t rc_random(uint8_t *buffer, uint64_t count) {
    while (count > 0) {
        long got = syscall(SYS_getrandom, buffer, (size_t)count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -errno;
        buffer += got;
        count -= (uint64_t)got;
    }
    return 0;
}
uint32_t rc_effective_uid(void) { return geteuid(); }
int32_t rc_process_id(void) { return getpid(); }
int32_t rc_architecture(uint8_t *buffer, uint64_t count) {
    struct utsname name;
    if (uname(&name) < 0) return -errno;
    size_t length = strlen(name.machine);
    if (length >= count) return -ENAMETOOLONG;
    memcpy(buffer, name.machine, length + 1);
    return 0;
}
const uint8_t *rc_environment(const uint8_t *name) { return (const uint8_t *)getenv((const char *)name); }
_Noreturn void rc_exit(int32_t status) { _exit(status); }

_Static_assert(sizeof(struct rc_poll_item) == sizeof(struct pollfd), "rc_poll_item is struct pollfd");
int32_t rc_poll(struct rc_poll_item *items, uint64_t count, int32_t timeout_ms) {
    int result = poll((struct pollfd *)items, (nfds_t)count, timeout_ms);
    return result < 0 ? -errno : result;
}

int32_t rc_signal_descriptor(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
void rc_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }
uint64_t rc_take_signals(int32_t fd) {
    uint64_t mask = 0;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo < 64) mask |= (uint64_t)1 << info.ssi_signo;
    return mask;
}

static int address(struct sockaddr_un *to, socklen_t *size, const uint8_t *path) {
    size_t length = strlen((const char *)path);
    if (length >= sizeof to->sun_path) return -ENAMETOOLONG;
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, length);
    if (path[0] == '@') to->sun_path[0] = 0;
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '@' ? 0 : 1));
    return 0;
}
int32_t rc_listen(const uint8_t *path) {
    struct sockaddr_un to;
    socklen_t size;
    int problem = address(&to, &size, path);
    if (problem) return problem;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    unlink((const char *)path);
    if (bind(fd, (struct sockaddr *)&to, size) < 0 || chmod((const char *)path, 0666) < 0 || listen(fd, 16) < 0) {
        problem = errno;
        close(fd);
        return -problem;
    }
    return fd;
}
int32_t rc_accept(int32_t fd, uint32_t *uid) {
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0) return -errno;
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) {
        int problem = errno;
        close(peer);
        return -problem;
    }
    *uid = who.uid;
    return peer;
}
int32_t rc_connect(const uint8_t *path, uint32_t at_once) {
    struct sockaddr_un to;
    socklen_t size;
    int problem = address(&to, &size, path);
    if (problem) return problem;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (at_once ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&to, size) < 0) {
        problem = errno;
        close(fd);
        return -problem;
    }
    return fd;
}
int32_t rc_connect_numeric(const uint8_t *address, uint32_t port, uint32_t datagram) {
    union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } to;
    memset(&to, 0, sizeof to);
    socklen_t size = sizeof to.four;
    if (inet_pton(AF_INET, (const char *)address, &to.four.sin_addr) == 1) {
        to.four.sin_family = AF_INET;
        to.four.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, (const char *)address, &to.six.sin6_addr) == 1) {
        to.six.sin6_family = AF_INET6;
        to.six.sin6_port = htons((uint16_t)port);
        size = sizeof to.six;
    } else {
        return -EINVAL;
    }
    int fd = socket(to.any.sa_family, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0) return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, &to.any, size) < 0 && errno != EINPROGRESS) {
        int problem = errno;
        close(fd);
        return -problem;
    }
    return fd;
}
int32_t rc_socket_problem(int32_t fd) {
    int problem = 0;
    socklen_t size = sizeof problem;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 ? errno : problem;
}
/* Neither call waits for a file system, whatever the descriptor is; fstat(2) may. */
static int is_pipe(int fd) { return fcntl(fd, F_GETPIPE_SZ) >= 0; }
int32_t rc_is_stream(int32_t fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return is_pipe(fd) || (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM);
}
/* O_NONBLOCK is shared with whoever else has the descriptor, and can be taken away by it: a pipe is opened anew, and a socket is asked not to
 * wait with each call. */
static int own(int fd, int mode) {
    char path[] = "/proc/self/fd/0000000";
    int result = fd;
    if (is_pipe(fd)) {
        /* printf would take 15 KiB. */
        for (int rest = fd, at = (int)sizeof path - 2; at >= 14; at--, rest /= 10) path[at] = (char)('0' + rest % 10);
        char *digits = path + 14;
        while (*digits == '0' && digits[1]) digits++;
        memmove(path + 14, digits, strlen(digits) + 1);
        result = open(path, mode | O_NONBLOCK | O_CLOEXEC);
        close(fd);
    } else if (!rc_is_stream(fd)) {
        close(fd);
        result = -1;
    }
    return result;
}
int64_t rc_read_at_once(int32_t fd, uint8_t *buffer, uint64_t count) {
    ssize_t got = recv(fd, buffer, (size_t)count, MSG_DONTWAIT);
    return got < 0 ? errno == ENOTSOCK ? rc_read(fd, buffer, count) : -errno : got;
}
int64_t rc_write_at_once(int32_t fd, const uint8_t *bytes, uint64_t count) {
    ssize_t put = send(fd, bytes, (size_t)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return put < 0 ? errno == ENOTSOCK ? rc_write(fd, bytes, count) : -errno : put;
}
union passing {
    struct cmsghdr header;
    char room[CMSG_SPACE(2 * sizeof(int))];
};
int64_t rc_send_with(int32_t fd, const uint8_t *bytes, uint64_t count, int32_t first, int32_t second) {
    union passing passing;
    int pair[2] = {first, second};
    struct iovec piece = {(void *)bytes, (size_t)count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &passing, .msg_controllen = sizeof passing};
    memset(&passing, 0, sizeof passing);
    passing.header.cmsg_level = SOL_SOCKET;
    passing.header.cmsg_type = SCM_RIGHTS;
    passing.header.cmsg_len = CMSG_LEN(sizeof pair);
    memcpy(CMSG_DATA(&passing.header), pair, sizeof pair);
    RETRIED(ssize_t, sendmsg(fd, &message, MSG_NOSIGNAL));
}
int64_t rc_receive_with(int32_t fd, uint8_t *buffer, uint64_t count, int32_t *passed) {
    union passing passing;
    struct iovec piece = {buffer, (size_t)count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &passing, .msg_controllen = sizeof passing};
    ssize_t got;
    passed[0] = passed[1] = -1;
    do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC); while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header) return got;
    int pair[2] = {-1, -1};
    size_t size = header->cmsg_len > CMSG_LEN(0) ? header->cmsg_len - CMSG_LEN(0) : 0;
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(pair, CMSG_DATA(header), size < sizeof pair ? size : sizeof pair);
    for (int i = 0; i < 2; i++) if (pair[i] >= 0) passed[i] = own(pair[i], i ? O_WRONLY : O_RDONLY);
    if (passed[0] >= 0 && passed[1] >= 0) return got;
    for (int i = 0; i < 2; i++) if (passed[i] >= 0) close(passed[i]);
    return -EBADF;
}
int32_t rc_shutdown_write(int32_t fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }
int32_t rc_send_datagram(const uint8_t *path, const uint8_t *bytes, uint64_t count) {
    struct sockaddr_un to;
    socklen_t size;
    int problem = address(&to, &size, path);
    if (problem) return problem;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    problem = sendto(fd, bytes, (size_t)count, MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0 ? -errno : 0;
    close(fd);
    return problem;
}
int32_t rc_pipe(int32_t *ends) {
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0) return -errno;
    ends[0] = pair[0];
    ends[1] = pair[1];
    return 0;
}
