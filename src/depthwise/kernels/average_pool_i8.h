/* Average pooling of 8 bits, in plain C.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1; constants, workspace: none
 * The divisor is the number of taps inside the map, or with `count_padding` the whole window.
 */
#ifndef DEPTHWISE_AVERAGE_POOL_I8_H
#define DEPTHWISE_AVERAGE_POOL_I8_H

#include "requantize.h"
#include "window.h"

static inline void average_pool_i8(const struct pool_i8_parameters *p, const uint8_t *x, const void *constants, uint8_t *y,
                                   void *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            const int rows = v.last - v.first, columns = h.last - h.first;
            const int count = p->count_padding ? p->kernel_height * p->kernel_width : rows * columns;
            for (int c = 0; c < p->channels; c++) {
                const uint8_t *in = x + ((v.start - base) * p->width + h.start) * p->channels + c;
                int32_t sum = -p->input_zero * rows * columns;
                for (int ky = 0; ky < rows; ky++)
                    for (int kx = 0; kx < columns; kx++)
                        sum += in[(ky * p->width + kx) * p->channels];
                y[c] = requantize(sum, p->scale / (float)count, p->output_zero, 0, 255);
            }
        }
    }
}

#endif
