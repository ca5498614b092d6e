/* libssh2, and what Swift cannot call of it. */
#pragma once
#include <dlfcn.h>
#include <libssh2.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* No single object of a session is larger than this; a length field of a peer that asks for more gets no memory. */
#define CSSH2_ALLOCATION_LIMIT (1u << 20)

/* As much fits one packet of 1.10, and no single object is larger before the user is proven. */
#define CSSH2_GUARD (1u << 16)

/* What a session's callbacks find by way of its abstract pointer. */
typedef struct {
    void *buffers;
    /* While questions of keyboard-interactive may come: 1.10 copies as many bytes of a question's name as its length says, past the end of
       the packet (userauth.c compares another length), so every object has as much behind it as may be read; and freed memory, which
       held the answers, is wiped. */
    bool is_guarded;
    /* Bytes that libssh2 holds for the session, and how many it may: it queues every packet that nobody asks for. */
    size_t used, limit;
} cssh2_context;

static inline bool cssh2_is_guarded(void **abstract) {
    return abstract && *abstract && ((cssh2_context *)*abstract)->is_guarded;
}

static inline void cssh2_count(void **abstract, void *gone, size_t gone_size, void *come) {
    cssh2_context *context = abstract ? (cssh2_context *)*abstract : NULL;
    if (!context) return;
    if (gone) context->used -= gone_size < context->used ? gone_size : context->used;
    if (come) context->used += malloc_usable_size(come);
}

static inline bool cssh2_fits(size_t count, void **abstract) {
    cssh2_context *context = abstract ? (cssh2_context *)*abstract : NULL;
    if (count > (cssh2_is_guarded(abstract) ? CSSH2_GUARD : CSSH2_ALLOCATION_LIMIT)) return false;
    return !context || (context->used <= context->limit && count <= context->limit - context->used);
}

/* Zeroed, because 1.10 reads an exit signal's name as a C string even if the packet ended before the name did. */
static inline void *cssh2_allocate(size_t count, void **abstract) {
    if (!cssh2_fits(count, abstract)) return NULL;
    void *pointer = calloc(1, cssh2_is_guarded(abstract) ? count + CSSH2_GUARD : count == 0 ? 1 : count);
    cssh2_count(abstract, NULL, 0, pointer);
    return pointer;
}

static inline void *cssh2_reallocate(void *pointer, size_t count, void **abstract) {
    if (!cssh2_fits(count, abstract)) return NULL;
    size_t size = pointer ? malloc_usable_size(pointer) : 0;
    void *moved = realloc(pointer, cssh2_is_guarded(abstract) ? count + CSSH2_GUARD : count == 0 ? 1 : count);
    if (moved) cssh2_count(abstract, pointer, size, moved);
    return moved;
}

static inline void cssh2_free(void *pointer, void **abstract) {
    if (!pointer) return;
    size_t size = malloc_usable_size(pointer);
    if (cssh2_is_guarded(abstract)) explicit_bzero(pointer, size);
    cssh2_count(abstract, pointer, size, NULL);
    free(pointer);
}

/* Swift cannot name the addresses of inline functions in one expression with libssh2's macros. */
static inline LIBSSH2_SESSION *cssh2_session_init(void *abstract) {
    return libssh2_session_init_ex(cssh2_allocate, cssh2_free, cssh2_reallocate, abstract);
}

typedef ssize_t (*cssh2_send)(libssh2_socket_t, const void *, size_t, int, void **);
typedef ssize_t (*cssh2_receive)(libssh2_socket_t, void *, size_t, int, void **);
typedef void (*cssh2_disconnect)(LIBSSH2_SESSION *, int, const char *, int, const char *, int, void **);

/* libssh2_session_callback_set takes a data pointer, which no Swift function converts to. */
static inline void cssh2_set_callbacks(LIBSSH2_SESSION *session, cssh2_send send, cssh2_receive receive, cssh2_disconnect disconnect) {
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)send);
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)receive);
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_DISCONNECT, (void *)disconnect);
}

/* OpenSSL, where libssh2 stands on it, takes its locks away when a process exits, under the feet of sessions that are still open on an event
   loop. It has to be told not to before it is first used; found by name, so that nothing but libssh2 is linked against. */
static inline void cssh2_keep_locks_at_exit(void) {
    void *program = dlopen(NULL, RTLD_LAZY);
    int (*initialise)(uint64_t, const void *) = program ? (int (*)(uint64_t, const void *))dlsym(program, "OPENSSL_init_crypto") : NULL;
    const uint64_t no_atexit = 0x00080000; /* OPENSSL_INIT_NO_ATEXIT */
    if (initialise) initialise(no_atexit, NULL);
}

/* A descriptor that is never ready, for the handshake to call fcntl(2) on. */
static inline int cssh2_idle_descriptor(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}
