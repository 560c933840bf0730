/* Camera pixels of at most 4 channels to the floats that a network was trained on, with vectors: y = x * scale + shift.
 *   x [.][width][channels] bytes; constants: scale [channels], shift [channels]
 *   y [.][width][channels], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_NORMALIZE_U8_F32_SIMD_H
#define DEPTHWISE_NORMALIZE_U8_F32_SIMD_H

#include "simd.h"

static inline void normalize_u8_f32_simd(const struct elementwise_parameters *p, const uint8_t *x,
                                         const float *constants, float *y, float *workspace, int base, int first,
                                         int last)
{
    const int channels = p->channels, count = (last - first) * p->width * channels;
    float scale[2 * SIMD_WIDTH], shift[2 * SIMD_WIDTH]; /* repeated, so that a vector may begin with any channel */
    int i = 0, channel = 0;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last && channels <= 4);
    for (int lane = 0; lane < 2 * SIMD_WIDTH; lane++) {
        scale[lane] = constants[lane % channels];
        shift[lane] = constants[channels + lane % channels];
    }
    for (; i + SIMD_WIDTH <= count; i += SIMD_WIDTH) {
        simd_store(y + i, simd_fma(simd_from_bytes(x + i), simd_load(scale + channel), simd_load(shift + channel)));
        channel = (channel + SIMD_WIDTH) % channels;
    }
    if (i < count) {
        uint8_t rest[SIMD_WIDTH] = {0};
        for (int lane = 0; lane < count - i; lane++)
            rest[lane] = x[i + lane];
        simd_store_part(y + i, simd_fma(simd_from_bytes(rest), simd_load(scale + channel), simd_load(shift + channel)),
                        count - i);
    }
}

#endif
