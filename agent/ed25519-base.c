// Multiples of Ed25519's base point without libsodium's table of them.
//
// The table is 30 KiB of the program, and a signature reads all of it into memory. libsodium multiplies any other point in constant time
// too; the agent signs a few times a session, and it takes a tenth of a millisecond more. agent/build compiles libsodium's key pair and
// signing against this (docs/decisions/0008-no-table-of-base-points.md).
#include <string.h>

#include "private/ed25519_ref10.h"

void rollcall_scalarmult_base(ge25519_p3 *h, const unsigned char *a) {
    unsigned char encoded[32];
    ge25519_p3 base;
    // RFC 8032, section 5.1: y is 4/5, x is positive.
    memset(encoded, 0x66, sizeof encoded);
    encoded[0] = 0x58;
    ge25519_frombytes(&base, encoded);
    ge25519_scalarmult(h, a, &base);
}
