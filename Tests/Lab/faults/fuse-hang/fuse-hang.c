// fuse-hang DIRECTORY: mounts a FUSE file system there that takes every request and answers none.
//
// Only FUSE_INIT is answered, so that the kernel lets callers in: statfs(2) and stat(2) below the mount then wait for
// this program, like those on a dead NFS server do. Prints "up" once that is so. When it ends, the kernel aborts the
// connection and every waiting call fails with ENOTCONN. No libfuse: the protocol is the one of linux/fuse.h.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

/// Mounts the connection `fuse` at `directory` for every user.
static void mount_at(const char *directory, int fuse) {
    char options[128];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
    if (mount("fuse-hang", directory, "fuse.hang", MS_NOSUID | MS_NODEV, options)) die(directory);
}

/// Reads the next request; the kernel wants room for the largest one. Returns 0 once the mount is gone.
static int next_request(int fuse, void *buffer, size_t size) {
    for (;;) {
        ssize_t length = read(fuse, buffer, size);
        if (length >= (ssize_t)sizeof(struct fuse_in_header)) return 1;
        if (length < 0 && errno == ENODEV) return 0;
        if (length < 0 && errno != EINTR && errno != ENOENT) die("/dev/fuse");
    }
}

/// Agrees to the kernel's version of the protocol, and to none of its extensions.
static void answer_init(int fuse, const struct fuse_in_header *request) {
    const struct fuse_init_in *offer = (const void *)(request + 1);
    struct {
        struct fuse_out_header header;
        struct fuse_init_out body;
    } answer = {
        .header = {.len = sizeof answer, .unique = request->unique},
        .body = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 65536},
    };
    if (offer->minor < answer.body.minor) answer.body.minor = offer->minor;
    if (write(fuse, &answer, sizeof answer) != sizeof answer) die("FUSE_INIT");
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: fuse-hang DIRECTORY\n");
        return 2;
    }
    size_t size = 1 << 18;
    void *buffer = malloc(size);
    if (!buffer) die("malloc");
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fuse < 0) die("/dev/fuse");
    mount_at(argv[1], fuse);
    while (next_request(fuse, buffer, size)) {
        const struct fuse_in_header *request = buffer;
        if (request->opcode != FUSE_INIT) continue;
        answer_init(fuse, request);
        puts("up");
        fflush(stdout);
    }
    return 0;
}
