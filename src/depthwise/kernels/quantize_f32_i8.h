/* Floats to 8 bits, in plain C: x / scale, rounded half to even, plus zero.
 *   x, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_QUANTIZE_F32_I8_H
#define DEPTHWISE_QUANTIZE_F32_I8_H

#include "requantize.h"

static inline void quantize_f32_i8(const struct quantized_parameters *p, const float *x, const void *constants,
                                   uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++)
        y[i] = round_to_byte(x[i] / p->scale, p->zero, 0, 255);
}

#endif
