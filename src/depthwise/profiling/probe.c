/* What one thread of this machine can do at best: clock cycles, multiply-accumulates and reading, a loop for each.
 *
 * profiling/probe.py builds this with the compiler and flags of the emitted programs, and times the calls.
 */
#include "simd.h"

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
