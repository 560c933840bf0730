/* Global average pooling of 8 bits, with vectors: the mean of each channel over the map. The bits are those of
 * global_average_pool_i8.h.
 *   x [height][width][channels], y [channels]; constants: none
 *   workspace: sums [channels] int32_t, which hold from one call to the next
 * Channels from .. to - 1 are computed. The rows here are those of x: they are summed as they come, and the last one
 * brings the division.
 */
#ifndef DEPTHWISE_GLOBAL_AVERAGE_POOL_I8_SIMD_H
#define DEPTHWISE_GLOBAL_AVERAGE_POOL_I8_SIMD_H

#include "lanes_i8.h"

/* Pixels whose sum fits into 16 bits. */
#define GLOBAL_POOL_I8_PIXELS 256

/* Adds `count` channels of up to GLOBAL_POOL_I8_PIXELS pixels to their sums. */
SIMD_INLINE void global_pool_i8_part(const uint8_t *x, int32_t *sums, int channels, int pixels, int count)
{
    const simd_byte zero = simd_byte_all(0);
    lanes_words low = {0}, high = {0};
    uint16_t lanes[2][LANES_BYTES / 2];

    for (int pixel = 0; pixel < pixels; pixel++) {
        const simd_byte in = lanes_load(x + pixel * channels, count);
        low = low + (lanes_words)lanes_zip_low(in, zero);
        high = high + (lanes_words)lanes_zip_high(in, zero);
    }
    __builtin_memcpy(lanes[0], &low, sizeof low);
    __builtin_memcpy(lanes[1], &high, sizeof high);
    for (int i = 0; i < count && i < LANES_BYTES; i++)
        sums[i] += lanes[i % 16 / 8][i / 16 * 8 + i % 8];
}

static inline void global_average_pool_i8_simd(const struct pool_i8_parameters *p, const uint8_t *x,
                                               const void *constants, uint8_t *y, void *workspace, int base, int first,
                                               int last, int from, int to)
{
    const int pixels = p->height * p->width, here = (last - first) * p->width;
    const float scale = p->scale / (float)pixels;
    const struct simd_rounding rounding = {p->output_zero, 0, 255, 0};
    int32_t *sums = (int32_t *)workspace;
    int c = from;

    (void)constants, (void)base;
    DEPTHWISE_ASSERT(first <= last && to <= p->channels);
    for (int i = from; first == 0 && i < to; i++)
        sums[i] = -p->input_zero * pixels;
    for (int i = from; i < to; i += LANES_BYTES)
        for (int pixel = 0; pixel < here; pixel += GLOBAL_POOL_I8_PIXELS)
            global_pool_i8_part(x + pixel * p->channels + i, sums + i, p->channels,
                                here - pixel < GLOBAL_POOL_I8_PIXELS ? here - pixel : GLOBAL_POOL_I8_PIXELS, to - i);
    if (last < p->height)
        return;
    for (; c + LANES_BYTES <= to; c += LANES_BYTES) {
        simd_int q[4];
        SIMD_UNROLL for (int j = 0; j < 4; j++)
            q[j] = simd_rounded(simd_int_load(sums + c + j * SIMD_WIDTH), simd_all(scale), rounding);
        simd_byte_store(y + c, simd_bytes(q[0], q[1], q[2], q[3], rounding));
    }
    for (; c < to; c++)
        y[c] = requantize(sums[c], scale, p->output_zero, 0, 255);
}

#endif
