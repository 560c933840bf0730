/* Elementwise product of two maps of 8 bits, with vectors; y may be x. The bits are those of multiply_i8.h.
 *   x, x2, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_I8_SIMD_H
#define DEPTHWISE_MULTIPLY_I8_SIMD_H

#include "lanes_i8.h"

static inline void multiply_i8_simd(const struct binary_i8_parameters *p, const uint8_t *x, const uint8_t *x2,
                                    const void *constants, uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;
    const struct simd_rounding to = {p->output_zero, p->minimum, p->maximum, p->first_scale < 1e4f};
    const simd scale = simd_all(p->first_scale);

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i += LANES_BYTES) {
        struct lanes_floats product = lanes_floats(lanes_load(x + i, count - i), p->first_zero);
        const struct lanes_floats two = lanes_floats(lanes_load(x2 + i, count - i), p->second_zero);
        SIMD_UNROLL for (int j = 0; j < 4; j++)
            product.part[j] = product.part[j] * two.part[j] * scale; /* the first product is exact */
        lanes_store(y + i, lanes_rounded(product, to), count - i);
    }
}

#endif
