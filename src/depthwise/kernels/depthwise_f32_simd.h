/* Depthwise convolution with multiplier 1 and at least SIMD_WIDTH channels, with vectors; any window, stride, dilation.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][channels], bias [channels]
 *   y [.][out_width][channels], rows first .. last - 1 of at least SIMD_WIDTH channels from .. to - 1; workspace: none
 * Each output is bias + sum over the taps inside the map, top to bottom and left to right, one multiply-add each.
 *
 * One vector of channels after the other goes along an output row in tiles of pixels: the weights stay in registers, and
 * each input is loaded once for all outputs of the tile that read it. With enough registers a tile has two rows.
 */
#ifndef DEPTHWISE_DEPTHWISE_F32_SIMD_H
#define DEPTHWISE_DEPTHWISE_F32_SIMD_H

#include "simd.h"
#include "window.h"

/* Pixels of a tile. */
#define DEPTHWISE_PIXELS 4

/* The widest window that has tiles. */
#define DEPTHWISE_WIDEST 7

/* With a multiple of this many channels, neighbouring pixels share few sets of the first-level cache, so that what one
 * tile loads is gone at the next: then a tile takes several vectors, which lie side by side.
 */
#define DEPTHWISE_CLASH 256

/* Some vectors of channels of an output row, or of two: x, weight, bias and y begin with the first channel, x with the
 * first row that is read and column 0. Of every window `lines` rows lie inside the map.
 */
struct depthwise_row {
    const float *x, *weight, *bias;
    float *y;
    int lines, vectors;
};

/* A tile of two rows by `pixels` of one vector, 3 x 3 taps, all of whose rows lie inside the map; row.x and row.y point
 * to the first pixel and its upper left tap. Only columns left .. right - 1, counted from there, lie inside. The last
 * four are constants where this is inlined, so that sums and weights live in registers.
 */
SIMD_INLINE void depthwise_pair(const struct convolution_parameters *p, struct depthwise_row row, int pixels, int stride,
                                int left, int right)
{
    const int channels = p->channels, down = p->width * channels;
    simd sum[2][DEPTHWISE_PIXELS], weight[3][3];

    SIMD_UNROLL for (int i = 0; i < 9; i++)
        weight[i / 3][i % 3] = simd_load(row.weight + i * channels);
    SIMD_UNROLL for (int i = 0; i < 2 * pixels; i++)
        sum[i / pixels][i % pixels] = simd_load(row.bias);
    SIMD_UNROLL for (int line = 0; line < stride + 3; line++)
        SIMD_UNROLL for (int column = 0; column < (pixels - 1) * stride + 3; column++)
            if (column >= left && column < right) {
                const simd in = simd_load(row.x + line * down + column * channels);
                SIMD_UNROLL for (int r = 0; r < 2; r++)
                    SIMD_UNROLL for (int i = 0; i < pixels; i++) {
                        const int ky = line - r * stride, kx = column - i * stride;
                        if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                            sum[r][i] = simd_fma(weight[ky][kx], in, sum[r][i]);
                    }
            }
    SIMD_UNROLL for (int r = 0; r < 2; r++)
        SIMD_UNROLL for (int i = 0; i < pixels; i++)
            simd_store(row.y + (r * p->out_width + i) * channels,
                       simd_activate(sum[r][i], p->activation, p->minimum, p->maximum));
}

/* A tile of one row by `pixels` with any number of kernel rows of `width` taps; else as depthwise_pair. */
SIMD_INLINE void depthwise_single(const struct convolution_parameters *p, struct depthwise_row row, int pixels,
                                  int width, int stride, int left, int right)
{
    const int channels = p->channels, down = p->dilation_y * p->width * channels;
    simd sum[DEPTHWISE_PIXELS];

    SIMD_UNROLL for (int i = 0; i < pixels; i++)
        sum[i] = simd_load(row.bias);
    for (int line = 0; line < row.lines; line++, row.x += down, row.weight += width * channels) {
        simd weight[DEPTHWISE_WIDEST];
        SIMD_UNROLL for (int kx = 0; kx < width; kx++)
            weight[kx] = simd_load(row.weight + kx * channels);
        SIMD_UNROLL for (int column = 0; column < (pixels - 1) * stride + width; column++)
            if (column >= left && column < right) {
                const simd in = simd_load(row.x + column * channels);
                SIMD_UNROLL for (int i = 0; i < pixels; i++)
                    if (column >= i * stride && column < i * stride + width)
                        sum[i] = simd_fma(weight[column - i * stride], in, sum[i]);
            }
    }
    SIMD_UNROLL for (int i = 0; i < pixels; i++)
        simd_store(row.y + i * channels, simd_activate(sum[i], p->activation, p->minimum, p->maximum));
}

/* The tile of `pixels` pixels from output column `ox` on; with `inside` its columns all lie inside the map. */
SIMD_INLINE void depthwise_tile(const struct convolution_parameters *p, struct depthwise_row row, int ox, int pixels,
                                int width, int stride, int pair, int inside)
{
    const int first = ox * stride - p->pad_left, left = inside ? 0 : -first, channels = p->channels;
    const int right = inside ? DEPTHWISE_PIXELS * stride + width : p->width - first;

    row.x += first * channels;
    row.y += ox * channels;
    for (int vector = 0; vector < row.vectors; vector++) {
        if (pair)
            depthwise_pair(p, row, pixels, stride, left, right);
        else
            depthwise_single(p, row, pixels, width, stride, left, right);
        row.x += SIMD_WIDTH, row.weight += SIMD_WIDTH, row.bias += SIMD_WIDTH, row.y += SIMD_WIDTH;
    }
}

/* A whole row, or with `pair` two, in tiles: of these the ones at the ends of the row may reach over the map's border. */
SIMD_INLINE void depthwise_tiles(const struct convolution_parameters *p, struct depthwise_row row, int width, int stride,
                                 int pair)
{
    const int step = DEPTHWISE_PIXELS, tiles = p->out_width / step, rest = p->out_width % step;
    const int room = p->width + p->pad_left - (step - 1) * stride - width;
    const int fit = room < 0 ? 1 : room / (step * stride) + 1, inside = fit < tiles ? fit : tiles;

    if (tiles > 0)
        depthwise_tile(p, row, 0, step, width, stride, pair, 0);
    for (int tile = 1; tile < inside; tile++)
        depthwise_tile(p, row, tile * step, step, width, stride, pair, 1);
    for (int tile = inside > 1 ? inside : 1; tile < tiles; tile++)
        depthwise_tile(p, row, tile * step, step, width, stride, pair, 0);
    if (rest == 1)
        depthwise_tile(p, row, tiles * step, 1, width, stride, pair, 0);
    else if (rest == 2)
        depthwise_tile(p, row, tiles * step, 2, width, stride, pair, 0);
    else if (rest == 3)
        depthwise_tile(p, row, tiles * step, 3, width, stride, pair, 0);
}

/* A row pixel by pixel: any window, stride and dilation. */
static inline void depthwise_pixels(const struct convolution_parameters *p, struct depthwise_row row)
{
    const int channels = p->channels, right = p->dilation_x * channels, down = p->dilation_y * p->width * channels;

    for (int ox = 0; ox < p->out_width; ox++) {
        const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, p->dilation_x, p->width);
        for (int c = 0; c < row.vectors * SIMD_WIDTH; c += SIMD_WIDTH) {
            simd sum = simd_load(row.bias + c);
            for (int line = 0; line < row.lines; line++) {
                const float *w = row.weight + (line * p->kernel_width + h.first) * channels + c;
                const float *in = row.x + line * down + h.start * channels + c;
                for (int kx = h.first; kx < h.last; kx++, w += channels, in += right)
                    sum = simd_fma(simd_load(w), simd_load(in), sum);
            }
            simd_store(row.y + ox * channels + c, simd_activate(sum, p->activation, p->minimum, p->maximum));
        }
    }
}

/* A row, or with `pair` two, by the tiles for this window if there are some. */
SIMD_INLINE void depthwise_along(const struct convolution_parameters *p, struct depthwise_row row, int pair)
{
    const int tiled = p->dilation_x == 1 && p->pad_left <= DEPTHWISE_PIXELS * p->stride_x;
    const int known = tiled && __builtin_constant_p(p->kernel_width); /* else all of them would be text for nothing */

#define DEPTHWISE_TRY(width, stride, allowed)                           \
    if (allowed && p->kernel_width == width && p->stride_x == stride) { \
        depthwise_tiles(p, row, width, stride, width == 3 && pair);     \
        return;                                                         \
    }
    DEPTHWISE_TRY(3, 1, tiled)
    DEPTHWISE_TRY(3, 2, tiled)
    DEPTHWISE_TRY(5, 1, known)
    DEPTHWISE_TRY(5, 2, known)
    DEPTHWISE_TRY(7, 1, known)
    DEPTHWISE_TRY(7, 2, known)
#undef DEPTHWISE_TRY
    depthwise_pixels(p, row);
}

SIMD_INLINE void depthwise_f32_simd(const struct convolution_parameters *p, const float *x, const float *constants,
                                    float *y, float *workspace, int base, int first, int last, int from, int to)
{
    const int channels = p->channels, down = p->width * channels, across = p->kernel_width * channels;
    const int square = p->kernel_height == 3 && p->kernel_width == 3 && p->stride_y == p->stride_x && p->stride_x < 3;
    const int pairs = SIMD_REGISTERS >= 32 && square && p->dilation_y == 1 && p->dilation_x == 1;
    const int span = channels % DEPTHWISE_CLASH || to - from < 2 * SIMD_WIDTH ? SIMD_WIDTH : 2 * SIMD_WIDTH;
    const float *const bias = constants + p->kernel_height * across;

    (void)workspace;
    DEPTHWISE_ASSERT(channels == p->outputs && to <= channels && to - from >= SIMD_WIDTH);
    for (int oy = first, rows; oy < last; oy += rows) {
        const int top = oy * p->stride_y - p->pad_top;
        const struct taps v = taps_inside(top, p->kernel_height, p->dilation_y, p->height);
        rows = pairs && oy + 1 < last && top >= 0 && top + p->stride_y + 3 <= p->height ? 2 : 1;
        for (int begin = from; begin < to; begin += span) {
            /* The last ones overlap those before them: the same bits are stored again. */
            const int c = begin <= to - span ? begin : to - span;
            const struct depthwise_row row = {
                .x = x + (v.start - base) * down + c,
                .weight = constants + v.first * across + c,
                .y = y + (oy - first) * p->out_width * channels + c,
                .bias = bias + c,
                .lines = v.last - v.first,
                .vectors = span / SIMD_WIDTH,
            };
            if (rows == 2)
                depthwise_along(p, row, 1);
            else
                depthwise_along(p, row, 0);
        }
    }
}

#endif
