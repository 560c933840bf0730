/* What one thread of this machine can do at best: clock cycles, multiply-accumulates and reading, a loop for each.
 *
 * profiling/probe.py builds this with the compiler and flags of the emitted programs, and times the calls.
 */
#include "simd.h"

/* Products of four bytes where the processor has them: simd.h has chosen the set, if the program has not. */
#if defined(DEPTHWISE_AVX512) && defined(__AVX512VNNI__)
#define DEPTHWISE_AVX512VNNI
#elif defined(DEPTHWISE_AVX2) && defined(__AVXVNNI__)
#define DEPTHWISE_AVXVNNI
#elif defined(DEPTHWISE_NEON) && defined(__ARM_FEATURE_DOTPROD)
#define DEPTHWISE_NEONDOT
#endif
#include "simd_i8.h"

/* Sums that do not wait for each other: enough to keep all units of a core busy, few enough to stay in registers. */
#define CHAINS (SIMD_ROWS > 6 ? 16 : 12)

/* `count` times 16 additions, each of which waits for the one before: a clock cycle each. */
long probe_clock(long count)
{
    long sum = count, step = count | 1;

    for (long i = 0; i < count; i++) {
        SIMD_UNROLL
        for (int j = 0; j < 16; j++) {
            sum += step;
            __asm__ volatile("" : "+r"(sum), "+r"(step)); /* keeps the compiler from adding them up */
        }
    }
    return sum;
}

/* Multiply-accumulates that probe_macs does for each count. */
int probe_width(void)
{
    return CHAINS * SIMD_WIDTH;
}

/* `count` times CHAINS multiply-accumulates of whole vectors; SIMD_WIDTH floats of result to `out`. */
void probe_macs(float *out, long count)
{
    const simd factor = simd_all(0.999f), term = simd_all(0.001f);
    simd sums[CHAINS], total = simd_all(0.0f);

    for (int j = 0; j < CHAINS; j++)
        sums[j] = simd_all((float)j);
    for (long i = 0; i < count; i++) {
        SIMD_UNROLL
        for (int j = 0; j < CHAINS; j++)
            sums[j] = simd_fma(sums[j], factor, term);
    }
    for (int j = 0; j < CHAINS; j++)
        total = total + sums[j];
    simd_store(out, total);
}

/* sum + products of bytes, or of pairs of 16 bits where there are none of bytes: the best that this set has. */
static inline simd_int dot(simd_int sum, simd_int a, simd_int b)
{
#if defined(DEPTHWISE_AVX512VNNI)
    return (simd_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(DEPTHWISE_AVXVNNI)
    return (simd_int)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#elif defined(DEPTHWISE_NEONDOT)
    return (simd_int)vdotq_s32((int32x4_t)sum, (int8x16_t)a, (int8x16_t)b);
#else
    return simd_pairs(sum, (simd_short)a, (simd_short)b);
#endif
}

/* Multiply-accumulates that probe_macs_i8 does for each count. */
int probe_width_i8(void)
{
    return CHAINS * SIMD_WIDTH * (I8_GROUP == 4 ? 4 : 2);
}

/* As probe_macs, of 8 bits. Each product has the sum as a factor, so that none is the same in every round. */
void probe_macs_i8(float *out, long count)
{
    const simd_int factor = simd_int_all(0x01030705);
    simd_int sums[CHAINS], total = simd_int_all(0);

    for (int j = 0; j < CHAINS; j++)
        sums[j] = simd_int_all(j);
    for (long i = 0; i < count; i++) {
        SIMD_UNROLL
        for (int j = 0; j < CHAINS; j++)
            sums[j] = dot(sums[j], sums[j], factor);
    }
    for (int j = 0; j < CHAINS; j++)
        total = simd_int_add(total, sums[j]);
    __builtin_memcpy(out, &total, sizeof total);
}

/* Adds up data[0..count) `rounds` times, count a multiple of 8 vectors; SIMD_WIDTH floats of result to `out`. */
void probe_read(float *out, const float *data, long count, long rounds)
{
    simd sums[8], total = simd_all(0.0f);

    for (int j = 0; j < 8; j++)
        sums[j] = total;
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < count; i += 8 * SIMD_WIDTH) {
            SIMD_UNROLL
            for (int j = 0; j < 8; j++)
                sums[j] = sums[j] + simd_load(data + i + j * SIMD_WIDTH);
        }
        __asm__ volatile("" ::: "memory"); /* the next round reads again */
    }
    for (int j = 0; j < 8; j++)
        total = total + sums[j];
    simd_store(out, total);
}
