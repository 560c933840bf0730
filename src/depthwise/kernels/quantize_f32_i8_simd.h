/* Floats to 8 bits, with vectors. The bits are those of quantize_f32_i8.h.
 *   x, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_QUANTIZE_F32_I8_SIMD_H
#define DEPTHWISE_QUANTIZE_F32_I8_SIMD_H

#include "simd_i8.h"

static inline void quantize_f32_i8_simd(const struct quantized_parameters *p, const float *x, const void *constants,
                                        uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;
    const struct simd_rounding to = {p->zero, 0, 255, 0};
    const simd scale = simd_all(p->scale);
    int i = 0;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (; i + 4 * SIMD_WIDTH <= count; i += 4 * SIMD_WIDTH) {
        simd_int q[4];
        SIMD_UNROLL for (int j = 0; j < 4; j++)
            q[j] = simd_round(simd_load(x + i + j * SIMD_WIDTH) / scale, to);
        simd_byte_store(y + i, simd_bytes(q[0], q[1], q[2], q[3], to));
    }
    for (; i < count; i++)
        y[i] = round_to_byte(x[i] / p->scale, p->zero, 0, 255);
}

#endif
