/* What the static Embedded build needs beside libc; full Swift links libsodium whole and needs nothing of this. */
#ifdef ROLLCALL_EMBEDDED
#include "CLinux.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

/* libsodium's own versions bring in Argon2, Salsa and AVX code that no agent uses. */
_Noreturn void sodium_misuse(void) { rc_exit(70); }
void randombytes_buf(void *const buffer, const size_t count) {
    if (rc_random(buffer, count) < 0) rc_exit(70);
}
void arc4random_buf(void *buffer, size_t count) { randombytes_buf(buffer, count); }
/* musl lets the kernel take back freed memory when it runs short of it (MADV_FREE); until then it counts as the agent's, and half of what a
 * file passes through would stay. agent/build puts this in place of musl's own call. */
int __real___madvise(void *start, size_t size, int advice);
int __wrap___madvise(void *start, size_t size, int advice) {
    return __real___madvise(start, size, advice == MADV_FREE ? MADV_DONTNEED : advice);
}
/* libsodium's assertions: musl's own would bring printf along, 13 KiB. */
_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    (void)file, (void)line, (void)function;
    struct iovec words[] = {{(char *)"rollcall-agent: assertion failed: ", 34}, {(char *)expression, strlen(expression)}, {(char *)"\n", 1}};
    (void)!writev(2, words, 3);
    abort();
}
#else
/* A translation unit is never empty. */
typedef int rollcall_not_embedded;
#endif
