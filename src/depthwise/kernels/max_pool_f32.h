/* Max pooling, in plain C; padded pixels never win.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_MAX_POOL_F32_H
#define DEPTHWISE_MAX_POOL_F32_H

#include "window.h"

static inline void max_pool_f32(const struct pool_parameters *p, const float *x, const float *constants, float *y,
                                float *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            for (int c = 0; c < p->channels; c++)
                y[c] = -UNBOUNDED;
            /* Channels innermost: the input is read in the order of its memory. */
            for (int iy = v.start; iy < v.start + v.last - v.first; iy++)
                for (int ix = h.start; ix < h.start + h.last - h.first; ix++) {
                    const float *in = x + ((iy - base) * p->width + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++)
                        y[c] = in[c] > y[c] ? in[c] : y[c];
                }
        }
    }
}

#endif
