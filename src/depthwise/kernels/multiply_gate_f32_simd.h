/* Product of a map and one factor per channel (the gate of squeeze-excite), with vectors; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; x2 [channels]; constants, workspace: none
 * The bits are those of multiply_gate_f32.h.
 */
#ifndef DEPTHWISE_MULTIPLY_GATE_F32_SIMD_H
#define DEPTHWISE_MULTIPLY_GATE_F32_SIMD_H

#include "simd.h"

static inline void multiply_gate_f32_simd(const struct elementwise_parameters *p, const float *x, const float *x2,
                                          const float *constants, float *y, float *workspace, int base, int first,
                                          int last)
{
    const int channels = p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++, x += channels, y += channels) {
        int c = 0;
        for (; c + SIMD_WIDTH <= channels; c += SIMD_WIDTH)
            simd_store(y + c, simd_activate(simd_load(x + c) * simd_load(x2 + c), p->activation, p->minimum, p->maximum));
        if (c < channels) {
            const simd product = simd_load_part(x + c, channels - c) * simd_load_part(x2 + c, channels - c);
            simd_store_part(y + c, simd_activate(product, p->activation, p->minimum, p->maximum), channels - c);
        }
    }
}

#endif
