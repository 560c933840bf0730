/* Product of a map and one factor per channel (the gate of squeeze-excite), of 8 bits, with vectors; y may be x. The bits
 * are those of multiply_gate_i8.h.
 *   x, y [.][width][channels], rows first .. last - 1; x2 [channels]; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_GATE_I8_SIMD_H
#define DEPTHWISE_MULTIPLY_GATE_I8_SIMD_H

#include "lanes_i8.h"

static inline void multiply_gate_i8_simd(const struct binary_i8_parameters *p, const uint8_t *x, const uint8_t *x2,
                                         const void *constants, uint8_t *y, void *workspace, int base, int first,
                                         int last)
{
    const int pixels = (last - first) * p->width, channels = p->channels;
    const struct simd_rounding to = {p->output_zero, p->minimum, p->maximum, p->first_scale < 1e4f};
    const simd scale = simd_all(p->first_scale);

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int c = 0; c < channels; c += LANES_BYTES) {
        const int count = channels - c;
        const struct lanes_floats gate = lanes_floats(lanes_load(x2 + c, count), p->second_zero);
        for (int i = c; i < pixels * channels; i += channels) {
            struct lanes_floats product = lanes_floats(lanes_load(x + i, count), p->first_zero);
            SIMD_UNROLL for (int j = 0; j < 4; j++)
                product.part[j] = product.part[j] * gate.part[j] * scale; /* the first product is exact */
            lanes_store(y + i, lanes_rounded(product, to), count);
        }
    }
}

#endif
