// Starts sixty children that end at once, and collects none of them.
#include <unistd.h>

int main(void) {
    for (int count = 0; count < 60; count++) {
        if (fork() == 0) _exit(0);
    }
    for (;;) pause();
}
