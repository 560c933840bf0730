/* Vectors for 8 bits: sums of 32 bits from bytes and weights, and back to bytes by the one rule of docs/int8.md.
 *
 * The sets and vectors of simd.h. Beside them the emitted program may define AVX512VNNI (with AVX512), AVXVNNI (with AVX2)
 * or NEONDOT (with NEON), which have products of four bytes at a time. All sets give the same bits.
 *
 * A matrix product takes its inputs in words of I8_GROUP neighbours, as I8_INPUT says, and as many weights a lane:
 *   AVX512VNNI, AVXVNNI  4 uint8_t, as they are in memory (I8_DIRECT)
 *   NEONDOT              4 int8_t: the input - 128, so that the bias must hold 128 * sum of weights more (I8_OFFSET)
 *   NEON                 1 int16_t
 *   all others           2 int16_t
 * Weights are int8_t for every set.
 */
#ifndef DEPTHWISE_SIMD_I8_H
#define DEPTHWISE_SIMD_I8_H

#include "requantize.h"
#include "simd.h"

#if defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(DEPTHWISE_SSE2)
#include <emmintrin.h>
#endif

#if defined(DEPTHWISE_AVX512VNNI) || defined(DEPTHWISE_AVXVNNI)
#define I8_GROUP 4
#define I8_INPUT uint8_t
#define I8_DIRECT 1
#define I8_OFFSET 0
#elif defined(DEPTHWISE_NEONDOT)
#define I8_GROUP 4
#define I8_INPUT int8_t
#define I8_DIRECT 0
#define I8_OFFSET 128
#elif defined(DEPTHWISE_NEON)
#define I8_GROUP 1
#define I8_INPUT int16_t
#define I8_DIRECT 0
#define I8_OFFSET 0
#else
#define I8_GROUP 2
#define I8_INPUT int16_t
#define I8_DIRECT 0
#define I8_OFFSET 0
#endif

/* Whether a value is known when this is compiled, and which: so that a zero point of 0 and a range of all bytes cost nothing. */
#define I8_KNOWN(value, wanted) (__builtin_constant_p(value) && (value) == (wanted))

/* SIMD_WIDTH sums; simd_int of simd.h. Twice as many values of 16 bits, and four times as many bytes. */
typedef int16_t simd_short __attribute__((vector_size(4 * SIMD_WIDTH)));
typedef uint8_t simd_byte __attribute__((vector_size(4 * SIMD_WIDTH)));

/* SIMD_WIDTH values of 32 bits from any address. */
SIMD_INLINE simd_int simd_int_load(const int32_t *from)
{
    simd_int v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

/* One value in every lane. */
SIMD_INLINE simd_int simd_int_all(int32_t value)
{
    return value - (simd_int){0};
}

SIMD_INLINE simd_short simd_short_all(int16_t value)
{
    return value - (simd_short){0};
}

SIMD_INLINE simd_byte simd_byte_all(uint8_t value)
{
    return value - (simd_byte){0};
}

/* a + b modulo 2^32 in every lane. */
SIMD_INLINE simd_int simd_int_add(simd_int a, simd_int b)
{
    typedef uint32_t word __attribute__((vector_size(4 * SIMD_WIDTH)));
    return (simd_int)((word)a + (word)b);
}

/* 2 * SIMD_WIDTH bytes from any address, each as 16 bits. */
SIMD_INLINE simd_short simd_short_from_bytes(const uint8_t *from)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_short)_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)from));
#elif defined(DEPTHWISE_AVX2)
    return (simd_short)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from));
#elif defined(DEPTHWISE_NEON)
    return (simd_short)vmovl_u8(vld1_u8(from));
#elif defined(DEPTHWISE_SSE2)
    return (simd_short)_mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)from), _mm_setzero_si128());
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_short)wasm_u16x8_load8x8(from);
#else
    simd_short v = {0};
    for (int i = 0; i < 2 * SIMD_WIDTH; i++)
        v[i] = from[i];
    return v;
#endif
}

/* 2 * SIMD_WIDTH weights from any address, each as 16 bits. */
SIMD_INLINE simd_short simd_short_from_weights(const int8_t *from)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_short)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)from));
#elif defined(DEPTHWISE_AVX2)
    return (simd_short)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
#elif defined(DEPTHWISE_NEON)
    return (simd_short)vmovl_s8(vld1_s8(from));
#elif defined(DEPTHWISE_SSE2)
    const __m128i v = _mm_loadl_epi64((const __m128i *)from);
    return (simd_short)_mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_short)wasm_i16x8_load8x8(from);
#else
    simd_short v = {0};
    for (int i = 0; i < 2 * SIMD_WIDTH; i++)
        v[i] = from[i];
    return v;
#endif
}

/* In lane i: sum + a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1] modulo 2^32. */
SIMD_INLINE simd_int simd_pairs(simd_int sum, simd_short a, simd_short b)
{
#if defined(DEPTHWISE_AVX512)
    return simd_int_add(sum, (simd_int)_mm512_madd_epi16((__m512i)a, (__m512i)b));
#elif defined(DEPTHWISE_AVX2)
    return simd_int_add(sum, (simd_int)_mm256_madd_epi16((__m256i)a, (__m256i)b));
#elif defined(DEPTHWISE_NEON)
    const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    const int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
    return simd_int_add(sum, (simd_int)vpaddq_s32(low, high));
#elif defined(DEPTHWISE_SSE2)
    return simd_int_add(sum, (simd_int)_mm_madd_epi16((__m128i)a, (__m128i)b));
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return simd_int_add(sum, (simd_int)wasm_i32x4_dot_i16x8((v128_t)a, (v128_t)b));
#else
    const simd_int even = ((simd_int)a << 16 >> 16) * ((simd_int)b << 16 >> 16);
    return simd_int_add(sum, simd_int_add(even, ((simd_int)a >> 16) * ((simd_int)b >> 16)));
#endif
}

/* How sums become bytes: their scale, then docs/int8.md's `round`. */
struct simd_rounding {
    int zero, minimum, maximum;
    int bounded; /* 1: no sum times its scale reaches 2^31 */
};

/* Floats as integers, half to even; those beyond simd_bytes()'s range may be any beyond it. */
SIMD_INLINE simd_int simd_round(simd f, struct simd_rounding to)
{
    /* x86 converts what is too large, and what is not a number, to the smallest integer: right only for the latter, so
     * that the former is cut before. min(limit, f) is f where f is not a number.
     */
#if defined(DEPTHWISE_AVX512)
    if (!to.bounded)
        f = _mm512_min_ps(_mm512_set1_ps(65536.0f), f);
    return (simd_int)_mm512_cvtps_epi32(f);
#elif defined(DEPTHWISE_AVX2)
    if (!to.bounded)
        f = _mm256_min_ps(_mm256_set1_ps(65536.0f), f);
    return (simd_int)_mm256_cvtps_epi32(f);
#elif defined(DEPTHWISE_SSE2)
    if (!to.bounded)
        f = (simd)_mm_min_ps(_mm_set1_ps(65536.0f), (__m128)f);
    return (simd_int)_mm_cvtps_epi32((__m128)f);
#elif defined(DEPTHWISE_NEON)
    /* Converts what is not a number to 0; the larger number of it and another is the other. */
    if (!to.bounded)
        f = vmaxnmq_f32(f, vdupq_n_f32(-65536.0f));
    return (simd_int)vcvtnq_s32_f32(f);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    /* pmax(a, b) is a < b ? b : a: a where b is not a number. */
    if (!to.bounded)
        f = (simd)wasm_f32x4_pmax(wasm_f32x4_const_splat(-65536.0f), (v128_t)f);
    return (simd_int)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest((v128_t)f));
#else
    const simd low = simd_all((float)(to.minimum - to.zero)), high = simd_all((float)(to.maximum - to.zero));
    f = simd_select(f > low, f, low);
    f = simd_select(f < high, f, high);
    return (simd_int)(f + simd_all(12582912.0f)) - 0x4B400000; /* see round_to_byte() */
#endif
}

/* The sums times their scales (two roundings), as simd_round. */
SIMD_INLINE simd_int simd_rounded(simd_int sum, simd scale, struct simd_rounding to)
{
#if defined(DEPTHWISE_AVX512)
    return simd_round(_mm512_cvtepi32_ps((__m512i)sum) * scale, to);
#elif defined(DEPTHWISE_AVX2)
    return simd_round(_mm256_cvtepi32_ps((__m256i)sum) * scale, to);
#elif defined(DEPTHWISE_NEON)
    return simd_round(vcvtq_f32_s32((int32x4_t)sum) * scale, to);
#else
    return simd_round(__builtin_convertvector(sum, simd) * scale, to);
#endif
}

/* Two vectors as 16 bits, plus zero, and two of these as bytes, both saturated; by quarters of a vector with AVX2 and AVX-512. */
SIMD_INLINE simd_short simd_narrowed(simd_int a, simd_int b, int zero)
{
    const simd_short all = simd_short_all((int16_t)zero);
#if defined(DEPTHWISE_AVX512)
    /* On Zen 4 saturating sums take the ports of products; 32512 + 255 is just within 16 bits. */
    const __m512i ab = _mm512_packs_epi32((__m512i)a, (__m512i)b);
    if (I8_KNOWN(zero, 0))
        return (simd_short)ab;
    return (simd_short)_mm512_add_epi16(_mm512_min_epi16(ab, _mm512_set1_epi16(32512)), (__m512i)all);
#elif defined(DEPTHWISE_AVX2)
    return (simd_short)_mm256_adds_epi16(_mm256_packs_epi32((__m256i)a, (__m256i)b), (__m256i)all);
#elif defined(DEPTHWISE_SSE2)
    return (simd_short)_mm_adds_epi16(_mm_packs_epi32((__m128i)a, (__m128i)b), (__m128i)all);
#elif defined(DEPTHWISE_NEON)
    return (simd_short)vqaddq_s16(vqmovn_high_s32(vqmovn_s32((int32x4_t)a), (int32x4_t)b), (int16x8_t)all);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_short)wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4((v128_t)a, (v128_t)b), (v128_t)all);
#else
    simd_short v = {0};
    for (int i = 0; i < SIMD_WIDTH; i++) {
        v[i] = (int16_t)a[i];
        v[SIMD_WIDTH + i] = (int16_t)b[i];
    }
    return v + all; /* simd_rounded() has clamped them */
#endif
}

SIMD_INLINE simd_byte simd_packed(simd_short a, simd_short b)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_byte)_mm512_packus_epi16((__m512i)a, (__m512i)b);
#elif defined(DEPTHWISE_AVX2)
    return (simd_byte)_mm256_packus_epi16((__m256i)a, (__m256i)b);
#elif defined(DEPTHWISE_SSE2)
    return (simd_byte)_mm_packus_epi16((__m128i)a, (__m128i)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vqmovun_high_s16(vqmovun_s16((int16x8_t)a), (int16x8_t)b);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_byte)wasm_u8x16_narrow_i16x8((v128_t)a, (v128_t)b);
#else
    simd_byte v = {0};
    for (int i = 0; i < 2 * SIMD_WIDTH; i++) {
        v[i] = (uint8_t)a[i];
        v[2 * SIMD_WIDTH + i] = (uint8_t)b[i];
    }
    return v;
#endif
}

/* a < b ? a : b, and a > b ? a : b, in every lane. */
SIMD_INLINE simd_byte simd_byte_min(simd_byte a, simd_byte b)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_byte)_mm512_min_epu8((__m512i)a, (__m512i)b);
#elif defined(DEPTHWISE_AVX2)
    return (simd_byte)_mm256_min_epu8((__m256i)a, (__m256i)b);
#elif defined(DEPTHWISE_SSE2)
    return (simd_byte)_mm_min_epu8((__m128i)a, (__m128i)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vminq_u8((uint8x16_t)a, (uint8x16_t)b);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_byte)wasm_u8x16_min((v128_t)a, (v128_t)b);
#else
    const simd_byte less = (simd_byte)(a < b);
    return (a & less) | (b & ~less);
#endif
}

SIMD_INLINE simd_byte simd_byte_max(simd_byte a, simd_byte b)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_byte)_mm512_max_epu8((__m512i)a, (__m512i)b);
#elif defined(DEPTHWISE_AVX2)
    return (simd_byte)_mm256_max_epu8((__m256i)a, (__m256i)b);
#elif defined(DEPTHWISE_SSE2)
    return (simd_byte)_mm_max_epu8((__m128i)a, (__m128i)b);
#elif defined(DEPTHWISE_NEON)
    return (simd_byte)vmaxq_u8((uint8x16_t)a, (uint8x16_t)b);
#elif defined(DEPTHWISE_WASM) && defined(__wasm_simd128__)
    return (simd_byte)wasm_u8x16_max((v128_t)a, (v128_t)b);
#else
    const simd_byte more = (simd_byte)(a > b);
    return (a & more) | (b & ~more);
#endif
}

/* Bytes within minimum .. maximum. */
SIMD_INLINE simd_byte simd_bounded(simd_byte bytes, struct simd_rounding to)
{
    if (!I8_KNOWN(to.minimum, 0))
        bytes = simd_byte_max(bytes, simd_byte_all((uint8_t)to.minimum));
    if (!I8_KNOWN(to.maximum, 255))
        bytes = simd_byte_min(bytes, simd_byte_all((uint8_t)to.maximum));
    return bytes;
}

/* The rounded values of a, b, c, d plus zero within minimum .. maximum, one vector's after the other's.
 *
 * Narrowing saturates: to 16 bits, then plus zero in 16 bits, then to 0 .. 255. All three are monotone, and the first two
 * change only values that end at 0 or 255 anyway: what is below -32768 or beyond 32767 - zero. So the result is
 * value + zero, cut to 0 .. 255 and then to minimum .. maximum, which lie within: the clamp of round(), whose
 * ends are integers, so that it does not matter that they are rounded before.
 */
SIMD_INLINE simd_byte simd_bytes(simd_int a, simd_int b, simd_int c, simd_int d, struct simd_rounding to)
{
    simd_byte bytes = simd_packed(simd_narrowed(a, b, to.zero), simd_narrowed(c, d, to.zero));
#if defined(DEPTHWISE_AVX512)
    /* Words of four bytes are in another order than they are wanted in. The order is read where it is used, since it would
     * take a register from sums.
     */
    static const int32_t words[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    const int32_t *order = words;
    SIMD_OPAQUE(order);
    bytes = (simd_byte)_mm512_permutexvar_epi32(_mm512_loadu_si512(order), (__m512i)bytes);
#elif defined(DEPTHWISE_AVX2)
    static const int32_t words[] = {0, 4, 1, 5, 2, 6, 3, 7};
    const int32_t *order = words;
    SIMD_OPAQUE(order);
    bytes = (simd_byte)_mm256_permutevar8x32_epi32((__m256i)bytes, _mm256_loadu_si256((const __m256i *)order));
#endif
    return simd_bounded(bytes, to);
}

/* 4 * SIMD_WIDTH bytes from and to any address. */
SIMD_INLINE simd_byte simd_byte_load(const uint8_t *from)
{
    simd_byte v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

SIMD_INLINE void simd_byte_store(uint8_t *to, simd_byte v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

/* The first `count` bytes, 0 < count <= 4 * SIMD_WIDTH; the other lanes are zero, and what lies behind is not read. */
SIMD_INLINE simd_byte simd_byte_load_part(const uint8_t *from, int count)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_byte)_mm512_maskz_loadu_epi8((__mmask64)(~0ull >> (64 - count)), from);
#else
    uint8_t bytes[4 * SIMD_WIDTH] = {0};
    __builtin_memcpy(bytes, from, (unsigned)count);
    return simd_byte_load(bytes);
#endif
}

/* The first `count` bytes of v, 0 < count <= 4 * SIMD_WIDTH. */
SIMD_INLINE void simd_byte_store_part(uint8_t *to, simd_byte v, int count)
{
#if defined(DEPTHWISE_AVX512)
    _mm512_mask_storeu_epi8(to, (__mmask64)(~0ull >> (64 - count)), (__m512i)v);
#else
    uint8_t bytes[4 * SIMD_WIDTH];
    simd_byte_store(bytes, v);
    __builtin_memcpy(to, bytes, (unsigned)count);
#endif
}

#endif
