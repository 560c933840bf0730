/* An activation function by itself, in plain C; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_ACTIVATION_F32_H
#define DEPTHWISE_ACTIVATION_F32_H

#include "activation.h"

static inline void activation_f32(const struct elementwise_parameters *p, const float *x, const float *constants,
                                  float *y, float *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++)
        y[i] = activate(x[i], p->activation, p->minimum, p->maximum);
}

#endif
