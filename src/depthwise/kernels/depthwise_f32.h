/* Depthwise convolution, any window, stride, dilation and depth multiplier, in plain C.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][outputs], bias [outputs]
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 * Output channel o reads input channel o / (outputs / channels).
 */
#ifndef DEPTHWISE_DEPTHWISE_F32_H
#define DEPTHWISE_DEPTHWISE_F32_H

#include "activation.h"
#include "window.h"

static inline void depthwise_f32(const struct convolution_parameters *p, const float *x, const float *constants,
                                 float *y, float *workspace, int base, int first, int last)
{
    const int multiplier = p->outputs / p->channels;
    const float *bias = constants + p->kernel_height * p->kernel_width * p->outputs;

    (void)workspace;
    DEPTHWISE_ASSERT(multiplier * p->channels == p->outputs);
    for (int oy = first; oy < last; oy++) {
        /* Only taps inside the map are visited: the border is zero and adds nothing. */
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, p->dilation_y, p->height);
        for (int ox = 0; ox < p->out_width; ox++) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, p->dilation_x, p->width);
            for (int c = 0; c < p->channels; c++)
                for (int o = c * multiplier; o < (c + 1) * multiplier; o++) {
                    float sum = bias[o];
                    for (int ky = v.first, iy = v.start; ky < v.last; ky++, iy += p->dilation_y) {
                        const float *w = constants + (ky * p->kernel_width + h.first) * p->outputs + o;
                        const float *line = x + ((iy - base) * p->width + h.start) * p->channels + c;
                        for (int kx = h.first; kx < h.last; kx++, w += p->outputs, line += p->dilation_x * p->channels)
                            sum = multiply_add(*w, *line, sum);
                    }
                    *y++ = activate(sum, p->activation, p->minimum, p->maximum);
                }
        }
    }
}

#endif
