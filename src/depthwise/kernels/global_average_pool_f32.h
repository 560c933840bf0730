/* Global average pooling, in plain C: the mean of each channel over the map.
 *   x [height][width][channels], y [channels]; constants, workspace: none
 * Channels from .. to - 1 are computed. The rows here are those of x: they are summed in y as they come, and the last one brings the division.
 */
#ifndef DEPTHWISE_GLOBAL_AVERAGE_POOL_F32_H
#define DEPTHWISE_GLOBAL_AVERAGE_POOL_F32_H

#include "parameters.h"

static inline void global_average_pool_f32(const struct pool_parameters *p, const float *x, const float *constants,
                                           float *y, float *workspace, int base, int first, int last,
                                           int from, int to)
{
    const int pixels = p->height * p->width, here = (last - first) * p->width;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int c = from; first == 0 && c < to; c++)
        y[c] = 0.0f;
    /* Channels innermost: the input is read once, in the order of its memory. */
    for (int pixel = 0; pixel < here; pixel++)
        for (int c = from; c < to; c++)
            y[c] += x[pixel * p->channels + c];
    for (int c = from; last == p->height && c < to; c++)
        y[c] = y[c] / (float)pixels;
}

#endif
