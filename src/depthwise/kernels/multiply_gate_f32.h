/* Product of a map and one factor per channel (the gate of squeeze-excite), in plain C; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; x2 [channels]; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_GATE_F32_H
#define DEPTHWISE_MULTIPLY_GATE_F32_H

#include "activation.h"

static inline void multiply_gate_f32(const struct elementwise_parameters *p, const float *x, const float *x2,
                                     const float *constants, float *y, float *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++)
        for (int c = 0; c < p->channels; c++) {
            const int i = pixel * p->channels + c;
            y[i] = activate(x[i] * x2[c], p->activation, p->minimum, p->maximum);
        }
}

#endif
