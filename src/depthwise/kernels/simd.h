/* Vectors of floats: one small set of names over AVX-512, AVX2 with FMA, NEON, and GNU vectors for everything else.
 *
 * The emitted program defines DEPTHWISE_ and the set that its weights are packed for: AVX512, AVX2, NEON, or SSE2 or
 * WASM, which GNU vectors serve. Where none is defined the best one that the compiler's flags allow is taken.
 * Loads and stores need no alignment. Scalars and vectors compute the same bits (see activation.h).
 */
#ifndef DEPTHWISE_SIMD_H
#define DEPTHWISE_SIMD_H

#include "activation.h"

#if !defined(DEPTHWISE_AVX512) && !defined(DEPTHWISE_AVX2) && !defined(DEPTHWISE_NEON) && \
    !defined(DEPTHWISE_SSE2) && !defined(DEPTHWISE_WASM)
#if defined(__AVX512F__)
#define DEPTHWISE_AVX512
#elif defined(__AVX2__) && defined(__FMA__)
#define DEPTHWISE_AVX2
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define DEPTHWISE_NEON
#endif
#endif

/* SIMD_WIDTH: floats in a vector. SIMD_ROWS, SIMD_VECTORS: pixels in a tile and vectors of outputs of each: with 28,
 * 12 or 24 sums beside the weights and one input all of the SIMD_REGISTERS are taken.
 */
#if defined(DEPTHWISE_AVX512)
#include <immintrin.h>
#define SIMD_WIDTH 16
#define SIMD_ROWS 14
#define SIMD_VECTORS 2
#define SIMD_REGISTERS 32
typedef __m512 simd;
#elif defined(DEPTHWISE_AVX2)
#include <immintrin.h>
#define SIMD_WIDTH 8
#define SIMD_ROWS 6
#define SIMD_VECTORS 2
#define SIMD_REGISTERS 16
typedef __m256 simd;
#elif defined(DEPTHWISE_NEON)
#include <arm_neon.h>
#define SIMD_WIDTH 4
#define SIMD_ROWS 6
#define SIMD_VECTORS 4
#define SIMD_REGISTERS 32
typedef float32x4_t simd;
#else
#ifndef SIMD_WIDTH /* tests choose the width of other sets, which this machine may lack */
#define SIMD_WIDTH 4
#endif
#define SIMD_ROWS 6
#define SIMD_VECTORS 2
#define SIMD_REGISTERS 16
typedef float simd __attribute__((vector_size(4 * SIMD_WIDTH)));
#endif

/* Half a vector, for the end of rows; without AVX-512 it is used by no kernel. */
typedef float simd_half __attribute__((vector_size(2 * SIMD_WIDTH)));

/* What comparisons of two vectors give: all ones or all zeros in each lane. */
typedef int32_t simd_int __attribute__((vector_size(4 * SIMD_WIDTH)));

/* For functions whose constant arguments must reach the code: sizes of tiles, windows, strides. */
#define SIMD_INLINE static inline __attribute__((always_inline, unused))

/* For functions that must stay whole and alone: not inlined, and not copied for constant arguments. */
#if defined(__clang__)
#define SIMD_OUTLINE static __attribute__((noinline, unused))
#else
#define SIMD_OUTLINE static __attribute__((noinline, noclone, unused))
#endif

/* The loop after it is unrolled whole: with constant bounds its arrays become registers, at -O2 and with clang too. */
#define SIMD_UNROLL _Pragma("GCC unroll 16")

/* Hides from the compiler where a pointer came from, so that it computes addresses where they are used. */
#define SIMD_OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Brings the cache line of an address near; any address will do. */
#define SIMD_FETCH(address) __builtin_prefetch(address)

/* SIMD_WIDTH floats from any address. */
SIMD_INLINE simd simd_load(const float *from)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_loadu_ps(from);
#elif defined(DEPTHWISE_AVX2)
    return _mm256_loadu_ps(from);
#elif defined(DEPTHWISE_NEON)
    return vld1q_f32(from);
#else
    simd v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
#endif
}

/* SIMD_WIDTH floats to any address. */
SIMD_INLINE void simd_store(float *to, simd v)
{
#if defined(DEPTHWISE_AVX512)
    _mm512_storeu_ps(to, v);
#elif defined(DEPTHWISE_AVX2)
    _mm256_storeu_ps(to, v);
#elif defined(DEPTHWISE_NEON)
    vst1q_f32(to, v);
#else
    __builtin_memcpy(to, &v, sizeof v);
#endif
}

/* The first `count` floats of v, 0 < count <= SIMD_WIDTH. */
SIMD_INLINE void simd_store_part(float *to, simd v, int count)
{
#if defined(DEPTHWISE_AVX512)
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), v);
#elif defined(DEPTHWISE_AVX2)
    __m128 rest = _mm256_castps256_ps128(v);
    if (count == SIMD_WIDTH) {
        simd_store(to, v);
        return;
    }
    if (count & 4) {
        _mm_storeu_ps(to, rest);
        rest = _mm256_extractf128_ps(v, 1);
        to += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)to, rest);
        rest = _mm_movehl_ps(rest, rest);
        to += 2;
    }
    if (count & 1)
        _mm_store_ss(to, rest);
#else
    SIMD_UNROLL for (int i = 0; i < SIMD_WIDTH; i++)
        if (i < count)
            to[i] = v[i];
#endif
}

/* One value in every lane. */
SIMD_INLINE simd simd_all(float value)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_set1_ps(value);
#elif defined(DEPTHWISE_AVX2)
    return _mm256_set1_ps(value);
#elif defined(DEPTHWISE_NEON)
    return vdupq_n_f32(value);
#else
    return value - (simd){0}; /* not 0 + value, which would lose the sign of -0 */
#endif
}

/* a * b + c, fused where the instruction set has it. */
SIMD_INLINE simd simd_fma(simd a, simd b, simd c)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(DEPTHWISE_AVX2)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(DEPTHWISE_NEON)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}

/* The first half of a vector, and one whose first half is given. */
SIMD_INLINE simd_half simd_low(simd v)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_castps512_ps256(v);
#else
    simd_half low;
    __builtin_memcpy(&low, &v, sizeof low);
    return low;
#endif
}

SIMD_INLINE simd simd_widened(simd_half low)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_castps256_ps512(low);
#else
    simd v = {0};
    __builtin_memcpy(&v, &low, sizeof low);
    return v;
#endif
}

/* What simd_load, simd_store, simd_all and simd_fma do, for half a vector. */
SIMD_INLINE simd_half simd_half_load(const float *from)
{
    simd_half v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

SIMD_INLINE void simd_half_store(float *to, simd_half v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

SIMD_INLINE simd_half simd_half_all(float value)
{
    return value - (simd_half){0};
}

SIMD_INLINE simd_half simd_half_fma(simd_half a, simd_half b, simd_half c)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_half)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* Lane by lane: `yes` where the mask is set (all ones), else `no` (all zeros). */
SIMD_INLINE simd simd_select(simd_int mask, simd yes, simd no)
{
    return (simd)(((simd_int)yes & mask) | ((simd_int)no & ~mask));
}

/* Clips to [minimum, maximum]; not-a-number stays, as in the scalar clip. */
SIMD_INLINE simd simd_clip(simd x, simd minimum, simd maximum)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_min_ps(maximum, _mm512_max_ps(minimum, x));
#elif defined(DEPTHWISE_AVX2)
    return _mm256_min_ps(maximum, _mm256_max_ps(minimum, x));
#elif defined(DEPTHWISE_NEON)
    return vminq_f32(vmaxq_f32(x, minimum), maximum);
#else
    x = simd_select(x < minimum, minimum, x);
    return simd_select(x > maximum, maximum, x);
#endif
}

/* exponential() of activation.h for every lane, bit for bit; x at most 88. */
SIMD_INLINE simd simd_exponential(simd x)
{
    const simd shifter = simd_all(12582912.0f);
    simd shifted, n, r, y;

    /* Products and sums stay apart, as in the scalar code: fused ones would give other bits. */
    x = simd_clip(x, simd_all(-87.0f), simd_all(88.0f));
    shifted = x * simd_all(1.44269504f) + shifter;
    n = shifted - shifter;
    r = x - n * simd_all(0.693359375f);
    r = r - n * simd_all(-2.12194440e-4f);
    y = simd_all(1.98412698e-4f) * r + simd_all(1.38888889e-3f);
    y = y * r + simd_all(8.33333333e-3f);
    y = y * r + simd_all(4.16666667e-2f);
    y = y * r + simd_all(1.66666667e-1f);
    y = y * r + simd_all(0.5f);
    y = y * r + simd_all(1.0f);
    y = y * r + simd_all(1.0f);
    return y * (simd)(((simd_int)shifted << 23) + 0x3F800000);
}

/* sigmoid() of activation.h for every lane, bit for bit. */
SIMD_INLINE simd simd_sigmoid(simd x)
{
    const simd zero = simd_all(0.0f), one = simd_all(1.0f);
    const simd power = simd_exponential(simd_select(x < zero, x, -x));
    return simd_select(x < zero, power, one) / (one + power);
}

/* activate() of activation.h for every lane, bit for bit. */
SIMD_INLINE simd simd_activate(simd x, int activation, float minimum, float maximum)
{
    /* hard_sigmoid(x); the compiler computes it only where it is used */
    const simd gate = simd_clip(x * simd_all(0.166666667f) + simd_all(0.5f), simd_all(0.0f), simd_all(1.0f));

    DEPTHWISE_ASSERT(activation >= ACTIVATION_CLIP && activation <= ACTIVATION_SILU);
    switch (activation) {
    case ACTIVATION_HARD_SIGMOID:
        return gate;
    case ACTIVATION_HARD_SWISH:
        return x * gate;
    case ACTIVATION_SIGMOID:
        return simd_sigmoid(x);
    case ACTIVATION_SILU:
        return x * simd_sigmoid(x);
    default:
        return simd_clip(x, simd_all(minimum), simd_all(maximum));
    }
}

/* Activates `count` values in place. */
static inline void simd_activate_all(float *y, int count, int activation, float minimum, float maximum)
{
    int i = 0;

    for (; i + SIMD_WIDTH <= count; i += SIMD_WIDTH)
        simd_store(y + i, simd_activate(simd_load(y + i), activation, minimum, maximum));
    /* The rest one by one: the same bits, so it does not matter where a row begins. */
    for (; i < count; i++)
        y[i] = activate(y[i], activation, minimum, maximum);
}

/* Activates the channels from .. to - 1 of y [pixels][channels] in place. */
static inline void simd_activate_channels(float *y, int pixels, int channels, int from, int to, int activation,
                                          float minimum, float maximum)
{
    if (to - from == channels) {
        simd_activate_all(y, pixels * channels, activation, minimum, maximum);
        return;
    }
    for (int i = 0; i < pixels; i++)
        simd_activate_all(y + i * channels + from, to - from, activation, minimum, maximum);
}

/* The first `count` floats, 0 < count <= SIMD_WIDTH; the other lanes are zero, and what lies behind is not read. */
SIMD_INLINE simd simd_load_part(const float *from, int count)
{
    if (count == SIMD_WIDTH)
        return simd_load(from);
#if defined(DEPTHWISE_AVX512)
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif defined(DEPTHWISE_AVX2)
    return _mm256_maskload_ps(from, (__m256i)((simd_int){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)count - (simd_int){0}));
#else
    simd v = {0};
    SIMD_UNROLL for (int i = 0; i < SIMD_WIDTH - 1; i++)
        if (i < count)
            v[i] = from[i];
    return v;
#endif
}

/* a > b ? a : b in every lane; b where one is not a number. */
SIMD_INLINE simd simd_max(simd a, simd b)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_max_ps(a, b);
#elif defined(DEPTHWISE_AVX2)
    return _mm256_max_ps(a, b);
#else
    return simd_select((simd_int)(a > b), a, b);
#endif
}

/* SIMD_WIDTH bytes from any address, as floats. */
SIMD_INLINE simd simd_from_bytes(const uint8_t *from)
{
#if defined(DEPTHWISE_AVX512)
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)from)));
#elif defined(DEPTHWISE_AVX2)
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from)));
#else
    float lanes[SIMD_WIDTH];

    for (int i = 0; i < SIMD_WIDTH; i++)
        lanes[i] = (float)from[i];
    return simd_load(lanes);
#endif
}

#endif
