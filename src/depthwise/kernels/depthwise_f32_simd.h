/* Depthwise convolution with multiplier 1 and at least SIMD_WIDTH channels, with vectors; any window, stride, dilation.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][channels], bias [channels]
 *   y [.][out_width][channels], rows first .. last - 1 of at least SIMD_WIDTH channels from .. to - 1; workspace: none
 * Each output is bias + sum over the taps inside the map, top to bottom and left to right, one multiply-add each.
 */
#ifndef DEPTHWISE_DEPTHWISE_F32_SIMD_H
#define DEPTHWISE_DEPTHWISE_F32_SIMD_H

#include "simd.h"
#include "window.h"

/* Neighbouring output pixels whose sums are carried at once: they share weights and, where windows overlap, inputs. */
#define DEPTHWISE_PIXELS 4

/* Floats of input under one output row which are kept in the first-level cache: channels are cut into blocks by it. */
#define DEPTHWISE_BLOCK 6144

/* Where some pixels of one output row stand: their channels from .. to - 1, the taps that lie inside the map, and the
 * first pixel in x (under the tap at the upper left) and in y. Outputs are stored clipped to minimum .. maximum.
 */
struct depthwise_run {
    const float *x, *weight, *bias;
    float *y;
    int from, to;
    struct taps v, h;
    float minimum, maximum;
};

/* One kernel row for DEPTHWISE_PIXELS pixels: w [width][channels], line: the input under the first tap. */
SIMD_INLINE void depthwise_line(simd *sum, const float *w, const float *line, int channels, int width, int stride)
{
    simd taps[5];

    SIMD_OPAQUE(w); /* else gcc keeps an address for every tap of every row, and spills them */
    SIMD_OPAQUE(line);
    SIMD_UNROLL for (int kx = 0; kx < width; kx++)
        taps[kx] = simd_load(w + kx * channels);
    /* Each input is loaded once for all pixels whose windows hold it; each sum still grows from left to right. */
    SIMD_UNROLL for (int column = 0; column < (DEPTHWISE_PIXELS - 1) * stride + width; column++) {
        const simd in = simd_load(line + column * channels);
        SIMD_UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++)
            if (column >= i * stride && column < i * stride + width)
                sum[i] = simd_fma(taps[column - i * stride], in, sum[i]);
    }
}

/* DEPTHWISE_PIXELS pixels whose taps all lie inside the map horizontally, without dilation. `width` and `stride` are
 * constants where this is inlined; with `whole`, a constant too, the kernel has `width` rows, all inside the map.
 */
SIMD_INLINE void depthwise_tile(const struct convolution_parameters *p, const struct depthwise_run *run, int width,
                                int stride, int whole)
{
    const int channels = p->channels, down = p->width * channels, across = width * channels;
    const simd minimum = simd_all(run->minimum), maximum = simd_all(run->maximum);
    /* Copies: a store to y might change *run for all that the compiler knows. */
    const float *const x = run->x, *const bias = run->bias, *const weight = run->weight + run->v.first * across;
    float *const y = run->y;
    const int to = run->to, rows = run->v.last - run->v.first;

    for (int c = run->from; c < to; c += SIMD_WIDTH) {
        simd sum[DEPTHWISE_PIXELS];
        if (c > to - SIMD_WIDTH)
            c = to - SIMD_WIDTH; /* the last vector overlaps the one before it: the same bits are stored again */
        const float *w = weight + c, *line = x + c;
        SIMD_UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++)
            sum[i] = simd_load(bias + c);
        /* A loop over a few rows is mispredicted at every end: with all rows inside it is unrolled. */
        if (whole)
            SIMD_UNROLL for (int ky = 0; ky < width; ky++, w += across, line += down)
                depthwise_line(sum, w, line, channels, width, stride);
        else
            for (int ky = 0; ky < rows; ky++, w += across, line += down)
                depthwise_line(sum, w, line, channels, width, stride);
        SIMD_UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++)
            simd_store(y + i * channels + c, simd_clip(sum[i], minimum, maximum));
    }
}

/* One pixel with any taps; `vectors` of channels from `c` on, a constant where this is inlined. */
SIMD_INLINE void depthwise_part(const struct convolution_parameters *p, const struct depthwise_run *run, int c,
                                int vectors)
{
    const int channels = p->channels, right = p->dilation_x * channels, down = p->dilation_y * p->width * channels;
    const simd minimum = simd_all(run->minimum), maximum = simd_all(run->maximum);
    simd sum[DEPTHWISE_PIXELS];

    SIMD_UNROLL for (int i = 0; i < vectors; i++)
        sum[i] = simd_load(run->bias + c + i * SIMD_WIDTH);
    for (int ky = run->v.first; ky < run->v.last; ky++) {
        const float *w = run->weight + (ky * p->kernel_width + run->h.first) * channels + c;
        const float *in = run->x + (ky - run->v.first) * down + c;
        for (int kx = run->h.first; kx < run->h.last; kx++, w += channels, in += right)
            SIMD_UNROLL for (int i = 0; i < vectors; i++)
                sum[i] = simd_fma(simd_load(w + i * SIMD_WIDTH), simd_load(in + i * SIMD_WIDTH), sum[i]);
    }
    SIMD_UNROLL for (int i = 0; i < vectors; i++)
        simd_store(run->y + c + i * SIMD_WIDTH, simd_clip(sum[i], minimum, maximum));
}

/* One pixel with any taps: four vectors of channels at once, so that four sums hide the multiply-add's latency. */
static inline void depthwise_pixel(const struct convolution_parameters *p, const struct depthwise_run *run)
{
    int c = run->from;

    for (; c + 4 * SIMD_WIDTH <= run->to; c += 4 * SIMD_WIDTH)
        depthwise_part(p, run, c, 4);
    for (; c < run->to; c += SIMD_WIDTH) /* the last vector overlaps, as in depthwise_tile */
        depthwise_part(p, run, c <= run->to - SIMD_WIDTH ? c : run->to - SIMD_WIDTH, 1);
}

/* DEPTHWISE_PIXELS pixels by the tile for this window; 0 if there is none. */
SIMD_INLINE int depthwise_tiled(const struct convolution_parameters *p, const struct depthwise_run *run)
{
    const int whole = run->v.last - run->v.first == p->kernel_width;

    if (p->dilation_y != 1)
        return 0;
#define DEPTHWISE_TRY(width, stride)                         \
    if (p->kernel_width == width && p->stride_x == stride) { \
        if (whole)                                           \
            depthwise_tile(p, run, width, stride, 1);        \
        else                                                 \
            depthwise_tile(p, run, width, stride, 0);        \
        return 1;                                            \
    }
    DEPTHWISE_TRY(3, 1)
    DEPTHWISE_TRY(3, 2)
    DEPTHWISE_TRY(5, 1)
    DEPTHWISE_TRY(5, 2)
#undef DEPTHWISE_TRY
    return 0;
}

/* One output row y of the channels run.from .. run.to - 1; x begins with input row `base`, `top` is that of the first tap. */
SIMD_INLINE void depthwise_row(const struct convolution_parameters *p, const float *x, float *y, int base, int top,
                                 struct depthwise_run run)
{
    int ox = 0;

    /* Tiles in the middle of the row; single pixels at its borders and where less than a tile is left. */

    run.v = taps_inside(top, p->kernel_height, p->dilation_y, p->height);
    while (ox < p->out_width) {
        const int left = ox * p->stride_x - p->pad_left;
        const int end = left + (DEPTHWISE_PIXELS - 1) * p->stride_x + p->kernel_width;
        const int inside = left >= 0 && end <= p->width && ox + DEPTHWISE_PIXELS <= p->out_width && p->dilation_x == 1;
        run.h = taps_inside(left, p->kernel_width, p->dilation_x, p->width);
        run.x = x + ((run.v.start - base) * p->width + run.h.start) * p->channels;
        run.y = y + ox * p->channels;
        if (inside && depthwise_tiled(p, &run)) {
            ox += DEPTHWISE_PIXELS;
        } else {
            depthwise_pixel(p, &run);
            ox++;
        }
    }
}

SIMD_INLINE void depthwise_f32_simd(const struct convolution_parameters *p, const float *x, const float *constants,
                                      float *y, float *workspace, int base, int first, int last, int from,
                                      int to)
{
    const int lines = DEPTHWISE_BLOCK / (p->kernel_height * p->width * 16), block = (lines > 2 ? lines : 2) * 16;
    const int clipped = p->activation == ACTIVATION_CLIP, row = p->out_width * p->channels;
    struct depthwise_run run = {
        .weight = constants,
        .bias = constants + p->kernel_height * p->kernel_width * p->channels,
        .minimum = clipped ? p->minimum : -UNBOUNDED,
        .maximum = clipped ? p->maximum : UNBOUNDED,
    };

    (void)workspace;
    DEPTHWISE_ASSERT(p->channels == p->outputs && to <= p->channels && to - from >= SIMD_WIDTH);
    for (run.from = from; run.from < to; run.from = run.to) {
        /* What is left after a block is at least a vector, which may then overlap the one before it. */
        run.to = to - run.from < block + SIMD_WIDTH ? to : run.from + block;
        /* All rows of these channels before the next: each input row is then read kernel_height times from cache. */
        for (int oy = first; oy < last; oy++)
            depthwise_row(p, x, y + (oy - first) * row, base, oy * p->stride_y - p->pad_top, run);
    }
    /* Other activation functions pass over the finished rows: in the tiles they would take the sums' registers. */
    if (!clipped)
        simd_activate_channels(y, (last - first) * p->out_width, p->channels, from, to, p->activation, p->minimum,
                               p->maximum);
}

#endif
