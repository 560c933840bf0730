/* Depthwise convolution of 8 bits, any window, stride, dilation and depth multiplier, in plain C.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][outputs] int8_t, filled up to a multiple of 4 bytes; bias [outputs] int32_t,
 *     which holds -input_zero * sum of weights; scale [outputs] float
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 * Output channel o reads input channel o / (outputs / channels).
 */
#ifndef DEPTHWISE_DEPTHWISE_I8_H
#define DEPTHWISE_DEPTHWISE_I8_H

#include "requantize.h"

/* The accumulator of output channel o, which reads input channel c; first tap at input position top, left. */
static inline int32_t depthwise_i8_window(const struct convolution_i8_parameters *p, const uint8_t *x, const int8_t *w,
                                          int32_t sum, int c, int base, int top, int left)
{
    for (int ky = 0; ky < p->kernel_height; ky++) {
        const int iy = top + ky * p->dilation_y;
        for (int kx = 0; kx < p->kernel_width; kx++, w += p->outputs) {
            const int ix = left + kx * p->dilation_x;
            const int inside = iy >= 0 && iy < p->height && ix >= 0 && ix < p->width;
            sum = accumulate(sum, inside ? x[((iy - base) * p->width + ix) * p->channels + c] : p->input_zero, *w);
        }
    }
    return sum;
}

static inline void depthwise_i8(const struct convolution_i8_parameters *p, const uint8_t *x, const void *constants,
                                uint8_t *y, void *workspace, int base, int first, int last)
{
    const int multiplier = p->outputs / p->channels, taps = p->kernel_height * p->kernel_width;
    const int8_t *weights = (const int8_t *)constants;
    const int32_t *bias = (const int32_t *)constants + (p->outputs * taps + 3) / 4;
    const float *scale = (const float *)constants + (p->outputs * taps + 3) / 4 + p->outputs;

    (void)workspace;
    DEPTHWISE_ASSERT(multiplier * p->channels == p->outputs);
    for (int oy = first; oy < last; oy++)
        for (int ox = 0; ox < p->out_width; ox++)
            for (int o = 0; o < p->outputs; o++) {
                const int32_t sum =
                    depthwise_i8_window(p, x, weights + o, bias[o], o / multiplier, base,
                                        oy * p->stride_y - p->pad_top, ox * p->stride_x - p->pad_left);
                *y++ = requantize(sum, scale[o], p->output_zero, p->minimum, p->maximum);
            }
}

#endif
