/* Camera pixels to the 8-bit values of a network, with vectors: pixel * scale + shift, rounded, where that is what the table
 * of normalize_u8_i8.h says of every pixel (ops/normalize.py looks).
 *   x, y [.][width][channels], rows first .. last - 1; workspace: none
 *   constants: scale, shift in the order of ops/_lanes.py, the channels repeated as often as fills whole lines
 */
#ifndef DEPTHWISE_NORMALIZE_U8_I8_SIMD_H
#define DEPTHWISE_NORMALIZE_U8_I8_SIMD_H

#include "lanes_i8.h"

static inline void normalize_u8_i8_simd(const struct quantized_parameters *p, const uint8_t *x, const void *constants,
                                        uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;
    const struct simd_rounding to = {p->zero, 0, 255, 0};
    int period = 64, at = 0; /* bytes after which the channels of lines come again, and of these */

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    while (period % p->channels)
        period += 64;
    for (int i = 0; i < count; i += LANES_BYTES) {
        /* Four lines of words for 64 bytes. */
        const float *scale = (const float *)constants + at / 64 * 64 + at % 64 / 4, *shift = scale + period;
        struct lanes_floats v = lanes_floats(lanes_load(x + i, count - i), 0);
        SIMD_UNROLL for (int j = 0; j < 4; j++)
            v.part[j] = v.part[j] * simd_load(scale + 16 * j) + simd_load(shift + 16 * j);
        lanes_store(y + i, lanes_rounded(v, to), count - i);
        at = at + LANES_BYTES < period ? at + LANES_BYTES : 0;
    }
}

#endif
