/* libssh2, and what Swift cannot call of it. */
#pragma once
#include <libssh2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* No single object of a session is larger than this; a length field of a peer that asks for more gets no memory. */
#define CSSH2_ALLOCATION_LIMIT (1u << 20)

/* Zeroed, because 1.10 reads an exit signal's name as a C string even if the packet ended before the name did. */
static inline void *cssh2_allocate(size_t count, void **abstract) {
    (void)abstract;
    return count > CSSH2_ALLOCATION_LIMIT ? NULL : calloc(1, count == 0 ? 1 : count);
}

static inline void *cssh2_reallocate(void *pointer, size_t count, void **abstract) {
    (void)abstract;
    return count > CSSH2_ALLOCATION_LIMIT ? NULL : realloc(pointer, count);
}

static inline void cssh2_free(void *pointer, void **abstract) {
    (void)abstract;
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

/* A descriptor that is never ready, for the handshake to call fcntl(2) on. */
static inline int cssh2_idle_descriptor(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}
