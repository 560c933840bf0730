/* Elementwise product of two maps, with vectors; y may be x. The bits are those of multiply_f32.h.
 *   x, x2, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_F32_SIMD_H
#define DEPTHWISE_MULTIPLY_F32_SIMD_H

#include "simd.h"

static inline void multiply_f32_simd(const struct elementwise_parameters *p, const float *x, const float *x2,
                                     const float *constants, float *y, float *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;
    int i = 0;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (; i + SIMD_WIDTH <= count; i += SIMD_WIDTH)
        simd_store(y + i, simd_activate(simd_load(x + i) * simd_load(x2 + i), p->activation, p->minimum, p->maximum));
    for (; i < count; i++)
        y[i] = activate(x[i] * x2[i], p->activation, p->minimum, p->maximum);
}

#endif
