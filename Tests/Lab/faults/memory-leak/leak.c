// Takes 192 MiB and keeps them.
#include <stdlib.h>
#include <unistd.h>

int main(void) {
    const size_t size = 192u << 20;
    volatile char *held = malloc(size);
    if (held == NULL) return 1;
    for (size_t at = 0; at < size; at += 4096) held[at] = 1;
    for (;;) pause();
}
