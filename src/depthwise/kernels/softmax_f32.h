/* Softmax of one vector, in plain C: y = exp(x - max x) / sum exp(x - max x); y may be x.
 *   x, y [channels]; constants, workspace: none
 * Relative error of each output below 1e-6 + channels * 2^-24.
 */
#ifndef DEPTHWISE_SOFTMAX_F32_H
#define DEPTHWISE_SOFTMAX_F32_H

#include "activation.h"

static inline void softmax_f32(const struct elementwise_parameters *p, const float *x, const float *constants, float *y,
                               float *workspace, int base, int first, int last)
{
    float largest = x[0], sum = 0.0f;

    (void)constants, (void)workspace, (void)base, (void)first, (void)last;
    DEPTHWISE_ASSERT(first == 0 && last == 1);
    for (int c = 1; c < p->channels; c++)
        largest = x[c] > largest ? x[c] : largest;
    for (int c = 0; c < p->channels; c++) {
        y[c] = exponential(x[c] - largest);
        sum += y[c];
    }
    for (int c = 0; c < p->channels; c++)
        y[c] = y[c] / sum;
}

#endif
