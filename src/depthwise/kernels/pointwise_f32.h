/* Pointwise convolution, and fully connected layer of a vector (width 1), in plain C.
 *   x [.][width][channels]
 *   constants: weight [outputs][channels], bias [outputs]
 *   y [.][width][outputs], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_POINTWISE_F32_H
#define DEPTHWISE_POINTWISE_F32_H

#include "activation.h"

/* Four outputs of one pixel at a time, so that each input is loaded once for four products.
 * sum [4] holds the biases at first; w: four rows of `channels` weights.
 */
static inline void pointwise_four(const float *x, const float *w, int channels, float *sum)
{
    const float *w0 = w, *w1 = w0 + channels, *w2 = w1 + channels, *w3 = w2 + channels;
    float sum0 = sum[0], sum1 = sum[1], sum2 = sum[2], sum3 = sum[3];

    for (int c = 0; c < channels; c++) {
        const float a = x[c];
        sum0 = multiply_add(a, w0[c], sum0);
        sum1 = multiply_add(a, w1[c], sum1);
        sum2 = multiply_add(a, w2[c], sum2);
        sum3 = multiply_add(a, w3[c], sum3);
    }
    sum[0] = sum0, sum[1] = sum1, sum[2] = sum2, sum[3] = sum3;
}

static inline void pointwise_f32(const struct pointwise_parameters *p, const float *x, const float *constants, float *y,
                                 float *workspace, int base, int first, int last)
{
    const int channels = p->channels, outputs = p->outputs;
    const float *bias = constants + outputs * channels;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(channels > 0 && outputs > 0);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++) {
        const float *in = x + pixel * channels;
        const float *w = constants;
        float *out = y + pixel * outputs;
        int o = 0;
        for (; o + 4 <= outputs; o += 4, w += 4 * channels) {
            float sum[4] = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
            pointwise_four(in, w, channels, sum);
            for (int i = 0; i < 4; i++)
                out[o + i] = activate(sum[i], p->activation, p->minimum, p->maximum);
        }
        for (; o < outputs; o++, w += channels) {
            float sum = bias[o];
            for (int c = 0; c < channels; c++)
                sum = multiply_add(in[c], w[c], sum);
            out[o] = activate(sum, p->activation, p->minimum, p->maximum);
        }
    }
}

#endif
