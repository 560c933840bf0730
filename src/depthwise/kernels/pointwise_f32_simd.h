/* Pointwise convolution, and fully connected layer of a vector (width 1), with vectors.
 *   x [.][width][channels]
 *   constants: weight in panels [outputs / SIMD_PANEL][channels][SIMD_PANEL], bias [outputs], both filled up
 *   y [.][width][outputs], rows first .. last - 1 of channels from .. to - 1 (panel_simd.h); workspace: none
 */
#ifndef DEPTHWISE_POINTWISE_F32_SIMD_H
#define DEPTHWISE_POINTWISE_F32_SIMD_H

#include "panel_simd.h"

/* Inputs of this many floats pass through all panels before the next: they stay in the second-level cache. */
#define POINTWISE_BLOCK 32768

static inline void pointwise_f32_simd(const struct pointwise_parameters *p, const float *x, const float *constants,
                                      float *y, float *workspace, int base, int first, int last, int from,
                                      int to)
{
    const int filled = (p->outputs + SIMD_WIDTH - 1) / SIMD_WIDTH * SIMD_WIDTH;
    const int tiles = POINTWISE_BLOCK / (p->channels * SIMD_ROWS);
    const int block = (tiles > 1 ? tiles : 1) * SIMD_ROWS, end = (last - first) * p->width;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(p->channels > 0 && p->outputs > 0);
    for (int pixel = 0; pixel < end; pixel += block) {
        const struct panel_job job = {
            .x = x + pixel * p->channels,
            .pixels = end - pixel < block ? end - pixel : block,
            .pixel_step = p->channels,
            .lines = 1,
            .length = p->channels,
            .weights = constants,
            .bias = constants + p->channels * filled,
            .y = y + pixel * p->outputs,
            .outputs = p->outputs,
            .from = from,
            .to = to,
            .activation = p->activation,
            .minimum = p->minimum,
            .maximum = p->maximum,
        };
        panel_product(job);
    }
}

#endif
