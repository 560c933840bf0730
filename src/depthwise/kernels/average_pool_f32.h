/* Average pooling, in plain C.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1; constants, workspace: none
 * The divisor is the number of taps inside the map, or with `count_padding` the whole window.
 */
#ifndef DEPTHWISE_AVERAGE_POOL_F32_H
#define DEPTHWISE_AVERAGE_POOL_F32_H

#include "window.h"

static inline void average_pool_f32(const struct pool_parameters *p, const float *x, const float *constants, float *y,
                                    float *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            const int rows = v.last - v.first, columns = h.last - h.first;
            const int count = p->count_padding ? p->kernel_height * p->kernel_width : rows * columns;
            for (int c = 0; c < p->channels; c++)
                y[c] = 0.0f;
            /* Channels innermost: the input is read in the order of its memory. */
            for (int iy = v.start; iy < v.start + rows; iy++)
                for (int ix = h.start; ix < h.start + columns; ix++) {
                    const float *in = x + ((iy - base) * p->width + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++)
                        y[c] += in[c];
                }
            for (int c = 0; c < p->channels; c++)
                y[c] = y[c] / (float)count;
        }
    }
}

#endif
