/* Global average pooling, with vectors: the mean of each channel over the map. The bits are those of
 * global_average_pool_f32.h.
 *   x [height][width][channels], y [channels]; constants, workspace: none
 * Channels from .. to - 1 are computed. The rows here are those of x: they are summed in y as they come, and the last
 * one brings the division.
 */
#ifndef DEPTHWISE_GLOBAL_AVERAGE_POOL_F32_SIMD_H
#define DEPTHWISE_GLOBAL_AVERAGE_POOL_F32_SIMD_H

#include "simd.h"

/* Vectors of channels whose sums grow side by side, to hide the latency of an addition. */
#define GLOBAL_POOL_VECTORS 4

/* `vectors` vectors (a constant where this is inlined), the last of `count` channels, over `pixels` pixels from x on.
 * begin: the sums start at zero rather than at y. divisor: what they are divided by in the end; 0: not yet.
 */
SIMD_INLINE void global_pool_part(const float *x, float *y, int channels, int pixels, int vectors, int count, int begin,
                                  int divisor)
{
    simd sum[GLOBAL_POOL_VECTORS];

    SIMD_UNROLL for (int i = 0; i < vectors; i++) {
        const int lanes = i < vectors - 1 ? SIMD_WIDTH : count;
        sum[i] = begin ? simd_all(0.0f) : simd_load_part(y + i * SIMD_WIDTH, lanes);
    }
    for (int pixel = 0; pixel < pixels; pixel++, x += channels)
        SIMD_UNROLL for (int i = 0; i < vectors; i++)
            sum[i] = sum[i] + simd_load_part(x + i * SIMD_WIDTH, i < vectors - 1 ? SIMD_WIDTH : count);
    SIMD_UNROLL for (int i = 0; i < vectors; i++) {
        if (divisor)
            sum[i] = sum[i] / simd_all((float)divisor);
        if (i < vectors - 1 || count == SIMD_WIDTH)
            simd_store(y + i * SIMD_WIDTH, sum[i]);
        else
            simd_store_part(y + i * SIMD_WIDTH, sum[i], count);
    }
}

static inline void global_average_pool_f32_simd(const struct pool_parameters *p, const float *x, const float *constants,
                                                float *y, float *workspace, int base, int first, int last, int from,
                                                int to)
{
    const int channels = p->channels, pixels = (last - first) * p->width, step = GLOBAL_POOL_VECTORS * SIMD_WIDTH;
    const int begin = first == 0, divisor = last == p->height ? p->height * p->width : 0;
    int c = from;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last && to <= channels);
    for (; c + step <= to; c += step)
        global_pool_part(x + c, y + c, channels, pixels, GLOBAL_POOL_VECTORS, SIMD_WIDTH, begin, divisor);
    for (; c + SIMD_WIDTH <= to; c += SIMD_WIDTH)
        global_pool_part(x + c, y + c, channels, pixels, 1, SIMD_WIDTH, begin, divisor);
    if (c < to)
        global_pool_part(x + c, y + c, channels, pixels, 1, to - c, begin, divisor);
}

#endif
