/* Max pooling of 8 bits, with vectors of channels; padded pixels never win.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1, of x's scale; constants, workspace: none
 */
#ifndef DEPTHWISE_MAX_POOL_I8_SIMD_H
#define DEPTHWISE_MAX_POOL_I8_SIMD_H

#include "lanes_i8.h"
#include "window.h"

static inline void max_pool_i8_simd(const struct pool_i8_parameters *p, const uint8_t *x, const void *constants,
                                    uint8_t *y, void *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            const int rows = v.last - v.first, columns = h.last - h.first;
            const uint8_t *in = x + ((v.start - base) * p->width + h.start) * p->channels;
            for (int c = 0; c < p->channels; c += LANES_BYTES) {
                simd_byte largest = simd_byte_all(0);
                for (int ky = 0; ky < rows; ky++)
                    for (int kx = 0; kx < columns; kx++)
                        largest = simd_byte_max(
                            largest, lanes_load(in + (ky * p->width + kx) * p->channels + c, p->channels - c));
                lanes_store(y + c, largest, p->channels - c);
            }
        }
    }
}

#endif
