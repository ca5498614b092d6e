// Which functions of a static program are called: called ADDRESSES MAIN OUT PROGRAM [ARGUMENT...]
//
// ADDRESSES has a hexadecimal address a line, of the program as it lies in memory. Each gets a breakpoint, which is taken out when it is
// met and written to OUT. Processes that the program forks are followed too, until they start another program.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    unsigned long address;
    unsigned char byte;
    int is_called;
};

static struct place *places;
static size_t count;

static int by_address(const void *a, const void *b) {
    unsigned long left = ((const struct place *)a)->address, right = ((const struct place *)b)->address;
    return (left > right) - (left < right);
}

static struct place *place_at(unsigned long address) {
    struct place key = {.address = address};
    return bsearch(&key, places, count, sizeof(struct place), by_address);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void poke(pid_t pid, unsigned long address, unsigned char byte) {
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, pid, address, 0);
    if (errno) fail("peek");
    word = (word & ~0xffL) | byte;
    if (ptrace(PTRACE_POKETEXT, pid, address, word)) fail("poke");
}

static void read_places(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    size_t room = 1 << 14;
    places = calloc(room, sizeof(struct place));
    while (count < room && fscanf(file, "%lx", &places[count].address) == 1) count++;
    fclose(file);
    qsort(places, count, sizeof(struct place), by_address);
}

static volatile pid_t first;
static void pass_on(int number) { kill(first, number); }

int main(int argc, char **argv) {
    if (argc < 5) return 64;
    read_places(argv[1]);
    FILE *out = fopen(argv[3], "w");
    if (!out) fail(argv[3]);
    first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[4], argv + 4);
        fail(argv[4]);
    }
    signal(SIGTERM, pass_on);
    int status;
    if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status)) fail("start");
    // What runs before main forgets pages, and breakpoints with them.
    unsigned long start = strtoul(argv[2], NULL, 16);
    unsigned char was = ptrace(PTRACE_PEEKTEXT, first, start, 0) & 0xff;
    poke(first, start, 0xcc);
    ptrace(PTRACE_CONT, first, 0, 0);
    struct user_regs_struct registers;
    if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, first, 0, &registers)) fail("main");
    poke(first, start, was);
    registers.rip = start;
    ptrace(PTRACE_SETREGS, first, 0, &registers);
    for (size_t i = 0; i < count; i++) {
        errno = 0;
        places[i].byte = ptrace(PTRACE_PEEKTEXT, first, places[i].address, 0) & 0xff;
        if (errno) fail("peek");
    }
    for (size_t i = 0; i < count; i++) poke(first, places[i].address, 0xcc);
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, first, 0, options)) fail("options");
    ptrace(PTRACE_CONT, first, 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) {
            if (errno == EINTR) continue;
            break;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == first) break;
            continue;
        }
        int number = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_EXEC) {
            ptrace(PTRACE_DETACH, pid, 0, 0);
            continue;
        }
        if (number == SIGTRAP && event == 0) {
            if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) continue;
            struct place *place = place_at(registers.rip - 1);
            if (place) {
                poke(pid, place->address, place->byte);
                registers.rip--;
                ptrace(PTRACE_SETREGS, pid, 0, &registers);
                if (!place->is_called) {
                    place->is_called = 1;
                    fprintf(out, "%lx\n", place->address);
                    fflush(out);
                }
                number = 0;
            }
        } else if (event || number == SIGSTOP) {
            number = 0;
        }
        ptrace(PTRACE_CONT, pid, 0, number);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
