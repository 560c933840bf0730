/* Average pooling of 8 bits, with vectors of channels; windows of up to 257 taps. The bits are those of average_pool_i8.h.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1; constants, workspace: none
 * The divisor is the number of taps inside the map, or with `count_padding` the whole window.
 */
#ifndef DEPTHWISE_AVERAGE_POOL_I8_SIMD_H
#define DEPTHWISE_AVERAGE_POOL_I8_SIMD_H

#include "lanes_i8.h"
#include "window.h"

/* One pixel of `count` channels: the mean of rows x columns taps, whose sums fit into 16 bits, by a scale. */
SIMD_INLINE simd_byte average_pool_i8_part(const struct pool_i8_parameters *p, const uint8_t *in, int rows, int columns,
                                           int count, float scale)
{
    const simd_byte none = simd_byte_all(0);
    const struct simd_rounding to = {p->output_zero, 0, 255, 0};
    const simd_int zero = simd_int_all(p->input_zero * rows * columns);
    lanes_words low = {0}, high = {0};
    simd_int q[4];

    for (int ky = 0; ky < rows; ky++)
        for (int kx = 0; kx < columns; kx++) {
            const simd_byte v = lanes_load(in + (ky * p->width + kx) * p->channels, count);
            low = low + (lanes_words)lanes_zip_low(v, none);
            high = high + (lanes_words)lanes_zip_high(v, none);
        }
    q[0] = (simd_int)lanes_zip_pairs_low((simd_byte)low, none) - zero;
    q[1] = (simd_int)lanes_zip_pairs_high((simd_byte)low, none) - zero;
    q[2] = (simd_int)lanes_zip_pairs_low((simd_byte)high, none) - zero;
    q[3] = (simd_int)lanes_zip_pairs_high((simd_byte)high, none) - zero;
    SIMD_UNROLL for (int i = 0; i < 4; i++)
        q[i] = simd_rounded(q[i], simd_all(scale), to);
    return lanes_bytes(q[0], q[1], q[2], q[3], to);
}

static inline void average_pool_i8_simd(const struct pool_i8_parameters *p, const uint8_t *x, const void *constants,
                                        uint8_t *y, void *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last && p->kernel_height * p->kernel_width <= 257);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            const int rows = v.last - v.first, columns = h.last - h.first;
            const int taps = p->count_padding ? p->kernel_height * p->kernel_width : rows * columns;
            const uint8_t *in = x + ((v.start - base) * p->width + h.start) * p->channels;
            for (int c = 0; c < p->channels; c += LANES_BYTES)
                lanes_store(y + c,
                            average_pool_i8_part(p, in + c, rows, columns, p->channels - c, p->scale / (float)taps),
                            p->channels - c);
        }
    }
}

#endif
