/* Max pooling of 8 bits, in plain C; padded pixels never win.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1, of x's scale; constants, workspace: none
 */
#ifndef DEPTHWISE_MAX_POOL_I8_H
#define DEPTHWISE_MAX_POOL_I8_H

#include "window.h"

static inline void max_pool_i8(const struct pool_i8_parameters *p, const uint8_t *x, const void *constants, uint8_t *y,
                               void *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            for (int c = 0; c < p->channels; c++)
                y[c] = 0;
            for (int iy = v.start; iy < v.start + v.last - v.first; iy++)
                for (int ix = h.start; ix < h.start + h.last - h.first; ix++) {
                    const uint8_t *in = x + ((iy - base) * p->width + ix) * p->channels;
                    for (int c = 0; c < p->channels; c++)
                        y[c] = in[c] > y[c] ? in[c] : y[c];
                }
        }
    }
}

#endif
