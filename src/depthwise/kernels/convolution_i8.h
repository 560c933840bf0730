/* Convolution of 8 bits, any window, stride, dilation and groups, in plain C.
 *   x [height][width][channels]
 *   constants: weight [outputs][kernel_height][kernel_width][channels / groups] int8_t, filled up to a multiple of 4 bytes;
 *     bias [outputs] int32_t, which holds -input_zero * sum of weights; scale [outputs] float
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_CONVOLUTION_I8_H
#define DEPTHWISE_CONVOLUTION_I8_H

#include "requantize.h"

/* sum + w . x over one window; input channels from `channel` on, first tap at input position top, left. */
static inline int32_t convolution_i8_window(const struct convolution_i8_parameters *p, const uint8_t *x, const int8_t *w,
                                            int32_t sum, int channel, int base, int top, int left)
{
    const int depth = p->channels / p->groups;

    for (int ky = 0; ky < p->kernel_height; ky++) {
        const int iy = top + ky * p->dilation_y;
        for (int kx = 0; kx < p->kernel_width; kx++, w += depth) {
            const int ix = left + kx * p->dilation_x;
            const int inside = iy >= 0 && iy < p->height && ix >= 0 && ix < p->width;
            const uint8_t *in = x + (inside ? ((iy - base) * p->width + ix) * p->channels + channel : 0);
            for (int c = 0; c < depth; c++)
                sum = accumulate(sum, inside ? in[c] : p->input_zero, w[c]);
        }
    }
    return sum;
}

static inline void convolution_i8(const struct convolution_i8_parameters *p, const uint8_t *x, const void *constants,
                                  uint8_t *y, void *workspace, int base, int first, int last)
{
    const int depth = p->channels / p->groups, members = p->outputs / p->groups;
    const int taps = p->kernel_height * p->kernel_width * depth;
    const int8_t *weights = (const int8_t *)constants;
    const int32_t *bias = (const int32_t *)constants + (p->outputs * taps + 3) / 4;
    const float *scale = (const float *)constants + (p->outputs * taps + 3) / 4 + p->outputs;

    (void)workspace;
    DEPTHWISE_ASSERT(depth * p->groups == p->channels && members * p->groups == p->outputs);
    for (int oy = first; oy < last; oy++)
        for (int ox = 0; ox < p->out_width; ox++)
            for (int o = 0; o < p->outputs; o++) {
                const int32_t sum =
                    convolution_i8_window(p, x, weights + o * taps, bias[o], o / members * depth, base,
                                          oy * p->stride_y - p->pad_top, ox * p->stride_x - p->pad_left);
                *y++ = requantize(sum, scale[o], p->output_zero, p->minimum, p->maximum);
            }
}

#endif
