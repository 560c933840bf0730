/* Softmax of one vector, with vectors: y = exp(x - max x) / sum exp(x - max x); y may be x.
 *   x, y [channels]; constants, workspace: none
 * Lane l sums the channels l, l + SIMD_WIDTH ...; then the lanes are added in order, then the channels that fill no
 * vector. Relative error of each output below 1e-6 + channels * 2^-24.
 */
#ifndef DEPTHWISE_SOFTMAX_F32_SIMD_H
#define DEPTHWISE_SOFTMAX_F32_SIMD_H

#include "simd.h"

/* The largest of `count` values, count > 0. */
static inline float softmax_largest(const float *x, int count)
{
    float lanes[SIMD_WIDTH], largest = x[0];
    simd most = simd_all(x[0]);
    int i = 0;

    for (; i + SIMD_WIDTH <= count; i += SIMD_WIDTH)
        most = simd_max(simd_load(x + i), most);
    simd_store(lanes, most);
    for (int lane = 0; lane < SIMD_WIDTH; lane++)
        largest = lanes[lane] > largest ? lanes[lane] : largest;
    for (; i < count; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

static inline void softmax_f32_simd(const struct elementwise_parameters *p, const float *x, const float *constants,
                                    float *y, float *workspace, int base, int first, int last)
{
    const int count = p->channels, full = count / SIMD_WIDTH * SIMD_WIDTH;
    const float largest = softmax_largest(x, count);
    float lanes[SIMD_WIDTH], sum = 0.0f;
    simd sums = simd_all(0.0f);

    (void)constants, (void)workspace, (void)base, (void)first, (void)last;
    DEPTHWISE_ASSERT(first == 0 && last == 1);
    for (int i = 0; i < full; i += SIMD_WIDTH) {
        const simd power = simd_exponential(simd_load(x + i) - simd_all(largest));
        sums = sums + power;
        simd_store(y + i, power);
    }
    simd_store(lanes, sums);
    for (int lane = 0; lane < SIMD_WIDTH; lane++)
        sum += lanes[lane];
    for (int i = full; i < count; i++) {
        y[i] = exponential(x[i] - largest);
        sum += y[i];
    }
    for (int i = 0; i < full; i += SIMD_WIDTH)
        simd_store(y + i, simd_load(y + i) / simd_all(sum));
    for (int i = full; i < count; i++)
        y[i] = y[i] / sum;
}

#endif
