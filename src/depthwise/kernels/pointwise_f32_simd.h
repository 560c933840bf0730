/* Pointwise convolution, and fully connected layer of a vector (width 1), with vectors.
 *   x [.][width][channels]
 *   constants: weight in panels [outputs / PANEL][channels][PANEL], bias [outputs], both filled up (panel_simd.h)
 *   y [.][width][outputs], rows first .. last - 1 of channels from .. to - 1 (panel_simd.h); workspace: none
 */
#ifndef DEPTHWISE_POINTWISE_F32_SIMD_H
#define DEPTHWISE_POINTWISE_F32_SIMD_H

#include "panel_simd.h"

SIMD_INLINE void pointwise_f32_simd(const struct pointwise_parameters *p, const float *x, const float *constants,
                                    float *y, float *workspace, int base, int first, int last, int from, int to)
{
    const struct panel_job job = {
        .x = x,
        .pixels = (last - first) * p->width,
        .pixel_step = p->channels,
        .lines = 1,
        .length = p->channels,
        .weights = constants,
        .bias = constants + p->channels * panel_filled(p->outputs),
        .y = y,
        .outputs = p->outputs,
        .from = from,
        .to = to,
        .activation = p->activation,
        .minimum = p->minimum,
        .maximum = p->maximum,
    };

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(p->channels > 0 && p->outputs > 0);
    panel_product(job, first * p->width, p->height * p->width, p->width);
}

#endif
