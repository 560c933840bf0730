/* 8 bits to floats, in plain C: scale * (x - zero).
 *   x, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_DEQUANTIZE_I8_F32_H
#define DEPTHWISE_DEQUANTIZE_I8_F32_H

#include "parameters.h"

static inline void dequantize_i8_f32(const struct quantized_parameters *p, const uint8_t *x, const void *constants,
                                     float *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++)
        y[i] = (float)(x[i] - p->zero) * p->scale;
}

#endif
