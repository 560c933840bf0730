/* Pointwise convolution of 8 bits, and fully connected layer of a vector (width 1), in plain C.
 *   x [.][width][channels]
 *   constants: weight [outputs][channels] int8_t, filled up to a multiple of 4 bytes; bias [outputs] int32_t, which holds
 *     -input_zero * sum of weights; scale [outputs] float
 *   y [.][width][outputs], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_POINTWISE_I8_H
#define DEPTHWISE_POINTWISE_I8_H

#include "requantize.h"

static inline void pointwise_i8(const struct pointwise_i8_parameters *p, const uint8_t *x, const void *constants,
                                uint8_t *y, void *workspace, int base, int first, int last)
{
    const int channels = p->channels, outputs = p->outputs;
    const int8_t *weights = (const int8_t *)constants;
    const int32_t *bias = (const int32_t *)constants + (outputs * channels + 3) / 4;
    const float *scale = (const float *)constants + (outputs * channels + 3) / 4 + outputs;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(channels > 0 && outputs > 0);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++)
        for (int o = 0; o < outputs; o++) {
            int32_t sum = bias[o];
            for (int c = 0; c < channels; c++)
                sum = accumulate(sum, x[pixel * channels + c], weights[o * channels + c]);
            y[pixel * outputs + o] = requantize(sum, scale[o], p->output_zero, p->minimum, p->maximum);
        }
}

#endif
