/* 8 bits to floats, with vectors. The bits are those of dequantize_i8_f32.h.
 *   x, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_DEQUANTIZE_I8_F32_SIMD_H
#define DEPTHWISE_DEQUANTIZE_I8_F32_SIMD_H

#include "simd.h"

static inline void dequantize_i8_f32_simd(const struct quantized_parameters *p, const uint8_t *x, const void *constants,
                                          float *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;
    int i = 0;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (; i + SIMD_WIDTH <= count; i += SIMD_WIDTH)
        simd_store(y + i, (simd_from_bytes(x + i) - simd_all((float)p->zero)) * simd_all(p->scale));
    for (; i < count; i++)
        y[i] = (float)(x[i] - p->zero) * p->scale;
}

#endif
