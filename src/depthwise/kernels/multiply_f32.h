/* Elementwise product of two maps, in plain C; y may be x.
 *   x, x2, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_F32_H
#define DEPTHWISE_MULTIPLY_F32_H

#include "activation.h"

static inline void multiply_f32(const struct elementwise_parameters *p, const float *x, const float *x2,
                                const float *constants, float *y, float *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++)
        y[i] = activate(x[i] * x2[i], p->activation, p->minimum, p->maximum);
}

#endif
