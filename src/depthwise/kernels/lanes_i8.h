/* Vectors of bytes as lanes of 16: four lines of them woven together, so that each word of 32 bits holds one channel of
 * all four, and back.
 *
 * Weaving is done within each lane of 16 bytes, with the cheapest instructions of every set, and gives four vectors:
 * words of channels 0 .. 3 of each lane, 4 .. 7, 8 .. 11, 12 .. 15. Narrowing four such vectors of sums gives the bytes in
 * their natural order again. Constants of sums lie in this order (ops/_lanes.py).
 *
 * Weights of a word: 4 int8_t; without products of four bytes 2 vectors of 2 int16_t, of lines 0 and 2, and 1 and 3.
 */
#ifndef DEPTHWISE_LANES_I8_H
#define DEPTHWISE_LANES_I8_H

#include "simd_i8.h"

/* LANES_LINES: vectors of weights for a vector of words. LANES_OFFSET: what is taken from each input, for sets whose
 * bytes have signs: the bias must hold as many times the sum of weights more.
 */
#if defined(DEPTHWISE_AVX512VNNI) || defined(DEPTHWISE_AVXVNNI)
#define LANES_LINES 1
#define LANES_OFFSET 0
#elif defined(DEPTHWISE_NEON)
#define LANES_LINES 1
#define LANES_OFFSET 128
#else
#define LANES_LINES 2
#define LANES_OFFSET 0
#endif

/* Bytes of a vector; the same as numbers of 16 bits. */
#define LANES_BYTES (4 * SIMD_WIDTH)
typedef uint16_t lanes_words __attribute__((vector_size(LANES_BYTES)));

/* Intrinsics of x86 that differ in their vectors' width alone. */
#if defined(DEPTHWISE_AVX512)
typedef __m512i lanes_x86;
#define LANES_X86(name, ...) _mm512_##name(__VA_ARGS__)
#elif defined(DEPTHWISE_AVX2)
typedef __m256i lanes_x86;
#define LANES_X86(name, ...) _mm256_##name(__VA_ARGS__)
#elif defined(DEPTHWISE_SSE2)
typedef __m128i lanes_x86;
#define LANES_X86(name, ...) _mm_##name(__VA_ARGS__)
#endif

/* Computes a vector where it stands in the text: else gcc puts off sums that are read late, and keeps their inputs. */
#if defined(DEPTHWISE_AVX512)
#define LANES_HERE(v) __asm__("" : "+v"(v))
#elif defined(LANES_X86)
#define LANES_HERE(v) __asm__("" : "+x"(v))
#elif defined(DEPTHWISE_NEON)
#define LANES_HERE(v) __asm__("" : "+w"(v))
#else
#define LANES_HERE(v) (void)(v)
#endif

/* Of each lane of 16 bytes, those of a and b in turn: of the first half of the lane, and of the second. */
SIMD_INLINE simd_byte lanes_zip_low(simd_byte a, simd_byte b)
{
#if defined(LANES_X86)
    return (simd_byte)LANES_X86(unpacklo_epi8, (lanes_x86)a, (lanes_x86)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vzip1q_u8((uint8x16_t)a, (uint8x16_t)b);
#else
    simd_byte v;
    SIMD_UNROLL for (int i = 0; i < LANES_BYTES; i++)
        v[i] = i % 2 ? b[i / 16 * 16 + i % 16 / 2] : a[i / 16 * 16 + i % 16 / 2];
    return v;
#endif
}

SIMD_INLINE simd_byte lanes_zip_high(simd_byte a, simd_byte b)
{
#if defined(LANES_X86)
    return (simd_byte)LANES_X86(unpackhi_epi8, (lanes_x86)a, (lanes_x86)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vzip2q_u8((uint8x16_t)a, (uint8x16_t)b);
#else
    simd_byte v;
    SIMD_UNROLL for (int i = 0; i < LANES_BYTES; i++)
        v[i] = i % 2 ? b[i / 16 * 16 + i % 16 / 2 + 8] : a[i / 16 * 16 + i % 16 / 2 + 8];
    return v;
#endif
}

/* The same of pairs of bytes. */
SIMD_INLINE simd_byte lanes_zip_pairs_low(simd_byte a, simd_byte b)
{
#if defined(LANES_X86)
    return (simd_byte)LANES_X86(unpacklo_epi16, (lanes_x86)a, (lanes_x86)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vzip1q_u16((uint16x8_t)a, (uint16x8_t)b);
#else
    simd_short v, x = (simd_short)a, y = (simd_short)b;
    SIMD_UNROLL for (int i = 0; i < LANES_BYTES / 2; i++)
        v[i] = i % 2 ? y[i / 8 * 8 + i % 8 / 2] : x[i / 8 * 8 + i % 8 / 2];
    return (simd_byte)v;
#endif
}

SIMD_INLINE simd_byte lanes_zip_pairs_high(simd_byte a, simd_byte b)
{
#if defined(LANES_X86)
    return (simd_byte)LANES_X86(unpackhi_epi16, (lanes_x86)a, (lanes_x86)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vzip2q_u16((uint16x8_t)a, (uint16x8_t)b);
#else
    simd_short v, x = (simd_short)a, y = (simd_short)b;
    SIMD_UNROLL for (int i = 0; i < LANES_BYTES / 2; i++)
        v[i] = i % 2 ? y[i / 8 * 8 + i % 8 / 2 + 4] : x[i / 8 * 8 + i % 8 / 2 + 4];
    return (simd_byte)v;
#endif
}

/* q - zero of each byte: of a lane's bytes 0 .. 3, 4 .. 7, 8 .. 11, 12 .. 15, exactly. */
struct lanes_floats {
    simd part[4];
};

SIMD_INLINE struct lanes_floats lanes_floats(simd_byte q, int zero)
{
    /* q beside the upper half of 2^23 is the float 2^23 + q. */
    const simd_byte low = lanes_zip_low(q, simd_byte_all(0)), high = lanes_zip_high(q, simd_byte_all(0));
    const simd_byte exponent = (simd_byte)simd_short_all(0x4B00);
    const simd offset = simd_all((float)(8388608 + zero));
    struct lanes_floats v;

    v.part[0] = (simd)lanes_zip_pairs_low(low, exponent) - offset;
    v.part[1] = (simd)lanes_zip_pairs_high(low, exponent) - offset;
    v.part[2] = (simd)lanes_zip_pairs_low(high, exponent) - offset;
    v.part[3] = (simd)lanes_zip_pairs_high(high, exponent) - offset;
    return v;
}

/* Four lines woven: words of each lane's channels 0 .. 3, 4 .. 7, 8 .. 11, 12 .. 15. */
struct lanes {
    simd_byte words[4];
};

SIMD_INLINE struct lanes lanes_weave(simd_byte a, simd_byte b, simd_byte c, simd_byte d)
{
    const simd_byte low = lanes_zip_low(a, b), high = lanes_zip_high(a, b);
    const simd_byte low2 = lanes_zip_low(c, d), high2 = lanes_zip_high(c, d);
    struct lanes v;

    v.words[0] = lanes_zip_pairs_low(low, low2);
    v.words[1] = lanes_zip_pairs_high(low, low2);
    v.words[2] = lanes_zip_pairs_low(high, high2);
    v.words[3] = lanes_zip_pairs_high(high, high2);
    return v;
}

/* Words as lanes_dot takes them. */
struct lanes_input {
#if LANES_LINES == 1
    simd_byte words;
#else
    simd_short even, odd;
#endif
};

SIMD_INLINE struct lanes_input lanes_split(simd_byte words)
{
    struct lanes_input v;
#if LANES_LINES == 1
    v.words = words;
#else
    v.even = (simd_short)((lanes_words)words & 255);
    v.odd = (simd_short)((lanes_words)words >> 8);
#endif
    return v;
}

/* In each word: sum + the products of its four lines with their weights, modulo 2^32. NEON without products of four
 * bytes: no weight is -128, so that two products of 16 bits fit into 16 bits.
 */
SIMD_INLINE simd_int lanes_dot(simd_int sum, struct lanes_input x, const simd_byte *weight)
{
#if defined(DEPTHWISE_AVX512VNNI)
    return (simd_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x.words, (__m512i)weight[0]);
#elif defined(DEPTHWISE_AVXVNNI) && defined(__AVXVNNI__)
    return (simd_int)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x.words, (__m256i)weight[0]);
#elif defined(DEPTHWISE_AVXVNNI)
    return (simd_int)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)x.words, (__m256i)weight[0]);
#elif defined(DEPTHWISE_NEONDOT)
    return (simd_int)vdotq_s32((int32x4_t)sum, (int8x16_t)x.words, (int8x16_t)weight[0]);
#elif defined(DEPTHWISE_NEON)
    const int8x16_t in = (int8x16_t)x.words, w = (int8x16_t)weight[0];
    const int16x8_t pairs = vpaddq_s16(vmull_s8(vget_low_s8(in), vget_low_s8(w)), vmull_high_s8(in, w));
    return (simd_int)vpadalq_s16((int32x4_t)sum, pairs);
#else
    return simd_pairs(simd_pairs(sum, x.even, (simd_short)weight[0]), x.odd, (simd_short)weight[1]);
#endif
}

/* Rounded sums of a lane's channels 0 .. 3, 4 .. 7, 8 .. 11, 12 .. 15 as bytes in natural order: simd_bytes without its
 * permutation.
 */
SIMD_INLINE simd_byte lanes_bytes(simd_int a, simd_int b, simd_int c, simd_int d, struct simd_rounding to)
{
#if defined(LANES_X86) || SIMD_WIDTH == 4
    return simd_bounded(simd_packed(simd_narrowed(a, b, to.zero), simd_narrowed(c, d, to.zero)), to);
#else
    simd_byte v;
    for (int i = 0; i < LANES_BYTES; i++) {
        const int at = i / 16 * 4 + i % 4, quarter = i % 16 / 4;
        v[i] = (uint8_t)((quarter < 2 ? quarter ? b : a : quarter < 3 ? c : d)[at] + to.zero);
    }
    return v; /* simd_round() has clamped them */
#endif
}

/* The floats of lanes_floats, rounded, as bytes in natural order. */
SIMD_INLINE simd_byte lanes_rounded(struct lanes_floats v, struct simd_rounding to)
{
    simd_int q[4];

    SIMD_UNROLL for (int i = 0; i < 4; i++)
        q[i] = simd_round(v.part[i], to);
    return lanes_bytes(q[0], q[1], q[2], q[3], to);
}

/* LANES_BYTES bytes from or to any address, or `count` if these are fewer. */
SIMD_INLINE simd_byte lanes_load(const uint8_t *from, int count)
{
    return count < LANES_BYTES ? simd_byte_load_part(from, count) : simd_byte_load(from);
}

SIMD_INLINE void lanes_store(uint8_t *to, simd_byte v, int count)
{
    if (count < LANES_BYTES)
        simd_byte_store_part(to, v, count);
    else
        simd_byte_store(to, v);
}

#endif
