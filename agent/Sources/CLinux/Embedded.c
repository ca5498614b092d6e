/* What the static Embedded build needs beside libc; full Swift links libsodium whole and needs nothing of this. */
#ifdef ROLLCALL_EMBEDDED
#include "CLinux.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* libsodium's own versions bring in Argon2, Salsa and AVX code that no agent uses. */
_Noreturn void sodium_misuse(void) { rc_exit(70); }
void randombytes_buf(void *const buffer, const size_t count) {
    if (rc_random(buffer, count) < 0) rc_exit(70);
}
void arc4random_buf(void *buffer, size_t count) { randombytes_buf(buffer, count); }
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
