// visit USER PORT KEYFILE WORKERS COMMAND < ADDRESSES
//
// The floor of what a visit costs on libssh2: connect, log in, run COMMAND, read its output, close. One process for each of WORKERS,
// blocking calls, TCP_QUICKACK after each read, and the Ed25519 key parsed once, before anything is connected.
// Prints one line: "ok N failed N".
//
// cc -O2 -o visit visit.c -lssh2 -lcrypto
#include <arpa/inet.h>
#include <errno.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared { _Atomic int next, ok, failed; };

static EVP_PKEY *key;
static unsigned char public_blob[51];

static void die(const char *what) { perror(what); exit(2); }

static ssize_t receive(libssh2_socket_t socket, void *buffer, size_t size, int flags, void **abstract) {
    (void)abstract;
    ssize_t count = recv(socket, buffer, size, flags);
    int one = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    return count < 0 ? -errno : count;
}

static int sign(LIBSSH2_SESSION *session, unsigned char **signature, size_t *size, const unsigned char *data, size_t count, void **abstract) {
    (void)session, (void)abstract;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *size = 64;
    *signature = malloc(64);
    int done = context && *signature && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestSign(context, *signature, size, data, count) == 1;
    EVP_MD_CTX_free(context);
    return done ? 0 : -1;
}

/// Reads a PKCS#8 file, and makes of its public half the blob that SSH wants.
static void read_key(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file || !(key = PEM_read_PrivateKey(file, NULL, NULL, NULL))) die(path);
    fclose(file);
    size_t size = 32;
    static const unsigned char head[19] = "\0\0\0\x0bssh-ed25519\0\0\0\x20";
    memcpy(public_blob, head, 19);
    if (EVP_PKEY_get_raw_public_key(key, public_blob + 19, &size) != 1 || size != 32) die("public key");
}

static int visit(const char *host, int port, const char *user, const char *command) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return 0;
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, is_ok = 0;
    if (socket_ < 0) return 0;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    LIBSSH2_SESSION *session = NULL;
    LIBSSH2_CHANNEL *channel = NULL;
    if (connect(socket_, (struct sockaddr *)&address, sizeof address)) goto end;
    setsockopt(socket_, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    if (!(session = libssh2_session_init())) goto end;
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)receive);
    libssh2_session_method_pref(session, LIBSSH2_METHOD_KEX, "curve25519-sha256");
    if (libssh2_session_handshake(session, socket_)) goto end;
    void *abstract = NULL;
    if (libssh2_userauth_publickey(session, user, public_blob, sizeof public_blob, sign, &abstract)) goto end;
    if (!(channel = libssh2_channel_open_session(session)) || libssh2_channel_exec(channel, command)) goto end;
    char output[4096];
    size_t total = 0;
    ssize_t count;
    while ((count = libssh2_channel_read(channel, output, sizeof output)) > 0) total += count;
    if (count == 0 && libssh2_channel_close(channel) == 0 && libssh2_channel_wait_closed(channel) == 0)
        is_ok = total > 0 && libssh2_channel_get_exit_status(channel) == 0;
end:
    if (channel) libssh2_channel_free(channel);
    if (session) {
        libssh2_session_disconnect(session, "done");
        libssh2_session_free(session);
    }
    close(socket_);
    return is_ok;
}

int main(int argc, char **argv) {
    if (argc != 6) { fprintf(stderr, "usage: visit USER PORT KEYFILE WORKERS COMMAND < ADDRESSES\n"); return 2; }
    static char hosts[65536][16];
    int hosts_count = 0;
    while (hosts_count < 65536 && scanf("%15s", hosts[hosts_count]) == 1) hosts_count++;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || libssh2_init(0)) die("setup");
    read_key(argv[3]);
    for (int worker = 0; worker < atoi(argv[4]); worker++) {
        pid_t child = fork();
        if (child < 0) die("fork");
        if (child > 0) continue;
        for (int index; (index = shared->next++) < hosts_count;)
            if (visit(hosts[index], atoi(argv[2]), argv[1], argv[5])) shared->ok++; else shared->failed++;
        _exit(0);
    }
    while (wait(NULL) > 0 || errno == EINTR) {}
    printf("ok %d failed %d\n", shared->ok, shared->failed);
    return shared->failed > 0;
}
