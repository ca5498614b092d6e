// SHA-256 of whole blocks with the processor's own instructions, where it has them.
//
// libsodium's own does the rest, and all of it on a processor without: its update goes by another name here, and its constants are used
// (docs/decisions/0013-sha-256-by-instruction.md).
#define crypto_hash_sha256_update rollcall_portable_update
#include "crypto_hash/sha256/cp/hash_sha256_cp.c"
#undef crypto_hash_sha256_update

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static int is_able(void) {
    unsigned a, b, c, d;
    // SSSE3 and SSE4.1, then SHA.
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & 0x80200) != 0x80200) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

// Four rounds, and the four words that are due sixteen rounds later.
#define ROUNDS(at, w0, w1, w2, w3)                                                                       \
    k = _mm_add_epi32(w0, _mm_loadu_si128((const __m128i *)(Krnd + (at))));                          \
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);                                                         \
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));                                \
    w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3)

__attribute__((target("sha,sse4.1"))) static void hash(uint32_t state[8], const uint8_t *in, uint64_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0), k;
    for (; blocks > 0; blocks--, in += 64) {
        const __m128i *words = (const __m128i *)in;
        __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(words), swap), w1 = _mm_shuffle_epi8(_mm_loadu_si128(words + 1), swap);
        __m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(words + 2), swap), w3 = _mm_shuffle_epi8(_mm_loadu_si128(words + 3), swap);
        __m128i before0 = abef, before1 = cdgh;
        for (int at = 0; at < 64; at += 16) {
            ROUNDS(at, w0, w1, w2, w3);
            ROUNDS(at + 4, w1, w2, w3, w0);
            ROUNDS(at + 8, w2, w3, w0, w1);
            ROUNDS(at + 12, w3, w0, w1, w2);
        }
        abef = _mm_add_epi32(abef, before0);
        cdgh = _mm_add_epi32(cdgh, before1);
    }
    badc = _mm_shuffle_epi32(abef, 0x1b);
    hgfe = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(badc, hgfe, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(hgfe, badc, 8));
}
#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>

static int is_able(void) { return getauxval(AT_HWCAP) >> 6 & 1; }

#define ROUNDS(at, w0, w1, w2, w3)                                      \
    k = vaddq_u32(w0, vld1q_u32(Krnd + (at)));                     \
    was = abcd;                                                         \
    abcd = vsha256hq_u32(abcd, efgh, k);                                \
    efgh = vsha256h2q_u32(efgh, was, k);                                \
    w0 = vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3)

__attribute__((target("sha2"))) static void hash(uint32_t state[8], const uint8_t *in, uint64_t blocks) {
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4), k, was;
    for (; blocks > 0; blocks--, in += 64) {
        uint32x4_t w0 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in))), w1 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 16)));
        uint32x4_t w2 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 32))), w3 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 48)));
        uint32x4_t before0 = abcd, before1 = efgh;
        for (int at = 0; at < 64; at += 16) {
            ROUNDS(at, w0, w1, w2, w3);
            ROUNDS(at + 4, w1, w2, w3, w0);
            ROUNDS(at + 8, w2, w3, w0, w1);
            ROUNDS(at + 12, w3, w0, w1, w2);
        }
        abcd = vaddq_u32(abcd, before0);
        efgh = vaddq_u32(efgh, before1);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}
#endif

int crypto_hash_sha256_update(crypto_hash_sha256_state *state, const unsigned char *in, unsigned long long count) {
#if defined(__x86_64__) || defined(__aarch64__)
    static int ability;
    if (ability == 0) ability = is_able() ? 1 : -1;
    // The state counts bits.
    unsigned long long first = -(state->count >> 3) & 63;
    if (ability > 0 && count >= first + 64) {
        rollcall_portable_update(state, in, first);
        unsigned long long blocks = (count - first) / 64;
        hash(state->state, in + first, blocks);
        state->count += blocks * 512;
        in += first + blocks * 64;
        count -= first + blocks * 64;
    }
#endif
    return rollcall_portable_update(state, in, count);
}
