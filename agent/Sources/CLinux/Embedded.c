/* What the static Embedded build needs beside libc; full Swift links libsodium whole and needs nothing of this. */
#ifdef ROLLCALL_EMBEDDED
#include "CLinux.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

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
/* Where a file passes through, pages that are given back and asked for again with each piece cost more than the piece: a few blocks of that
 * size stay at hand then. agent/build puts these two calls in place of libc's. */
enum { KEPT_BLOCKS = 3, KEPT_FROM = 16000, KEPT_SIZE = 40000 };
static struct { void *start; int is_used; } kept[KEPT_BLOCKS];
static int keeps_freed;
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void __real_free(void *start);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
    int is_kept = keeps_freed && size > KEPT_FROM && size <= KEPT_SIZE && alignment <= 16;
    for (int i = 0; is_kept && i < KEPT_BLOCKS; i++) {
        if (kept[i].is_used) continue;
        if (!kept[i].start && __real_posix_memalign(&kept[i].start, 16, KEPT_SIZE)) break;
        kept[i].is_used = 1;
        *out = kept[i].start;
        return 0;
    }
    return __real_posix_memalign(out, alignment, size);
}
void __wrap_free(void *start) {
    for (int i = 0; start && i < KEPT_BLOCKS; i++) {
        if (kept[i].start != start) continue;
        kept[i].is_used = 0;
        if (keeps_freed) return;
        kept[i].start = NULL;
    }
    __real_free(start);
}
void rc_keep_freed(int32_t keeps) {
    keeps_freed = keeps;
    for (int i = 0; !keeps && i < KEPT_BLOCKS; i++)
        if (kept[i].start && !kept[i].is_used) __wrap_free(kept[i].start);
}
/* libsodium's assertions: musl's own would bring printf along, 13 KiB. */
_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    (void)file, (void)line, (void)function;
    struct iovec words[] = {{(char *)"rollcall-agent: assertion failed: ", 34}, {(char *)expression, strlen(expression)}, {(char *)"\n", 1}};
    (void)!writev(2, words, 3);
    abort();
}
/* agent/build puts what a device calls from day to day before this function, and everything else behind it. The kernel maps what lies
 * around a call as well, in the end all of the program; advised so, it leaves what is behind alone until that is called. */
extern const char etext[];
__attribute__((noinline, used)) void rollcall_seldom_called(void) { rc_exit(70); }
void rc_forget_seldom_called(void) {
    uintptr_t page = (uintptr_t)getpagesize(), piece = 4 * page, begin = ((uintptr_t)rollcall_seldom_called + page - 1) & -page;
    uintptr_t end = (uintptr_t)etext & -page;
    if (begin >= end) return;
    /* Neighbours of different advice are mappings of their own, so that one call brings in no more than a piece. */
    for (uintptr_t at = begin; at < end; at += 2 * piece) madvise((void *)at, end - at < piece ? end - at : piece, MADV_RANDOM);
    madvise((void *)begin, end - begin, MADV_DONTNEED);
}
__attribute__((constructor)) static void before_main(void) { rc_forget_seldom_called(); }
#else
#include "CLinux.h"

/* Full Swift's programs are for tests and for desks, and are not put in order. */
void rc_forget_seldom_called(void) {}
void rc_keep_freed(int32_t keeps) { (void)keeps; }
#endif
