/* Average pooling, with vectors of channels. The bits are those of average_pool_f32.h.
 *   x [height][width][channels]
 *   y [.][out_width][channels], rows first .. last - 1; constants, workspace: none
 * The divisor is the number of taps inside the map, or with `count_padding` the whole window.
 */
#ifndef DEPTHWISE_AVERAGE_POOL_F32_SIMD_H
#define DEPTHWISE_AVERAGE_POOL_F32_SIMD_H

#include "simd.h"
#include "window.h"

/* One pixel, up to SIMD_WIDTH channels: the sum of the taps inside the map, top to bottom and left to right.
 * in: the input under the first of them.
 */
SIMD_INLINE simd average_pool_part(const struct pool_parameters *p, const float *in, int rows, int columns, int count)
{
    simd sum = simd_all(0.0f);

    for (int ky = 0; ky < rows; ky++)
        for (int kx = 0; kx < columns; kx++)
            sum = sum + simd_load_part(in + (ky * p->width + kx) * p->channels, count);
    return sum;
}

static inline void average_pool_f32_simd(const struct pool_parameters *p, const float *x, const float *constants,
                                         float *y, float *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace;
    DEPTHWISE_ASSERT(first <= last);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, 1, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->channels) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, 1, p->width);
            const int rows = v.last - v.first, columns = h.last - h.first;
            const int taps = p->count_padding ? p->kernel_height * p->kernel_width : rows * columns;
            const simd count = simd_all((float)taps);
            const float *in = x + ((v.start - base) * p->width + h.start) * p->channels;
            int c = 0;
            for (; c + SIMD_WIDTH <= p->channels; c += SIMD_WIDTH)
                simd_store(y + c, average_pool_part(p, in + c, rows, columns, SIMD_WIDTH) / count);
            if (c < p->channels) {
                const simd sum = average_pool_part(p, in + c, rows, columns, p->channels - c);
                simd_store_part(y + c, sum / count, p->channels - c);
            }
        }
    }
}

#endif
