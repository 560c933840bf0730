/* Pointwise convolution of 8 bits, and fully connected layer of a vector (width 1), with vectors.
 *   x [.][width][channels]
 *   constants: weight in panels [outputs / PANEL][words of channels][PANEL][I8_GROUP], bias [outputs], scale [outputs], all
 *     filled up (panel_i8_simd.h)
 *   y [.][width][outputs], rows first .. last - 1 of channels from .. to - 1
 *   workspace: pixels as the product reads them, PANEL_I8_PREPARED bytes or one tile, and a word; none where it reads them
 *     as they are: bytes, in whole words
 */
#ifndef DEPTHWISE_POINTWISE_I8_SIMD_H
#define DEPTHWISE_POINTWISE_I8_SIMD_H

#include "panel_i8_simd.h"

SIMD_INLINE void pointwise_i8_simd(const struct pointwise_i8_parameters *p, const uint8_t *x, const void *constants,
                                   uint8_t *y, void *workspace, int base, int first, int last, int from, int to)
{
    const int channels = p->channels, filled = panel_filled(p->outputs), words = (channels + I8_GROUP - 1) / I8_GROUP;
    const int direct = I8_DIRECT && channels % I8_GROUP == 0, pixels = (last - first) * p->width;
    const int fit = PANEL_I8_PREPARED / (channels * (int)sizeof(I8_INPUT)), room = fit > SIMD_ROWS ? fit : SIMD_ROWS;
    const int total = p->height * p->width, most = direct || total < room ? total : room;
    const int32_t *const bias = (const int32_t *)((const int8_t *)constants + words * I8_GROUP * filled);
    struct panel_i8_job job = {
        .pixel_step = channels,
        .lines = 1,
        .words = words,
        .weights = (const int8_t *)constants,
        .bias = bias,
        .scale = (const float *)bias + filled,
        .outputs = p->outputs,
        .from = from,
        .to = to,
        .rounding = {p->output_zero, p->minimum, p->maximum, p->bounded},
    };

    (void)base;
    DEPTHWISE_ASSERT(channels > 0 && p->outputs > 0 && first >= 0 && last <= p->height);
    for (int pixel = 0; pixel < pixels; pixel += most) {
        job.x = (const I8_INPUT *)x + pixel * channels; /* if they are direct */
        job.pixels = pixels - pixel < most ? pixels - pixel : most;
        job.y = y + pixel * p->outputs;
        if (!direct) {
            panel_i8_prepare((I8_INPUT *)workspace, x + pixel * channels, job.pixels * channels);
            job.x = (const I8_INPUT *)workspace;
        }
        panel_i8_product(job, most);
    }
}

#endif
