// What Ed25519's signatures take of libsodium's room, in less: multiples of the base point without a table, a product of scalars in a loop.
//
// The table is 30 KiB of the program, and a signature reads all of it into memory. libsodium multiplies any other point in constant time
// too; the agent signs a few times a session, and it takes a tenth of a millisecond more. The product is 6 KiB where it is written out for
// speed. agent/build compiles libsodium's key pair and signing against this (docs/decisions/0008-no-table-of-base-points.md).
#include <stdint.h>
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

// s = a b + c modulo the order of the group, of 32 bytes each, little-endian as the agent's processors are; as libsodium's, in constant time.
void rollcall_muladd(unsigned char *s, const unsigned char *a, const unsigned char *b, const unsigned char *c) {
    uint32_t left[8], right[8], sum[16];
    memcpy(left, a, sizeof left);
    memcpy(right, b, sizeof right);
    memcpy(sum, c, sizeof left);
    for (int i = 0; i < 8; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 8; j++) {
            carry += (uint64_t)left[i] * right[j] + sum[i + j];
            sum[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        sum[i + 8] = (uint32_t)carry;
    }
    sc25519_reduce((unsigned char *)sum);
    memcpy(s, sum, 32);
}
