/* Global average pooling of 8 bits, in plain C: the mean of each channel over the map.
 *   x [height][width][channels], y [channels]; constants: none
 *   workspace: sums [channels] int32_t, which hold from one call to the next
 * Channels from .. to - 1 are computed. The rows here are those of x: they are summed as they come, and the last one
 * brings the division.
 */
#ifndef DEPTHWISE_GLOBAL_AVERAGE_POOL_I8_H
#define DEPTHWISE_GLOBAL_AVERAGE_POOL_I8_H

#include "requantize.h"

static inline void global_average_pool_i8(const struct pool_i8_parameters *p, const uint8_t *x, const void *constants,
                                          uint8_t *y, void *workspace, int base, int first, int last, int from, int to)
{
    const int pixels = p->height * p->width, here = (last - first) * p->width;
    int32_t *sums = (int32_t *)workspace;

    (void)constants, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int c = from; first == 0 && c < to; c++)
        sums[c] = -p->input_zero * pixels;
    for (int pixel = 0; pixel < here; pixel++)
        for (int c = from; c < to; c++)
            sums[c] += x[pixel * p->channels + c];
    for (int c = from; last == p->height && c < to; c++)
        y[c] = requantize(sums[c], p->scale / (float)pixels, p->output_zero, 0, 255);
}

#endif
