/* Convolution of a float map in groups, or with horizontal dilation, with vectors of a group's outputs.
 *   x [height][width][channels]
 *   constants: weight [groups][kernel_height][kernel_width][channels / groups][filled], bias [groups][filled], where
 *     `filled` is outputs / groups, filled up with zeros to a multiple of 8
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 * Each output is bias + sum over the taps inside the map, top to bottom, left to right and channel by channel, one
 * multiply-add each.
 */
#ifndef DEPTHWISE_CONVOLUTION_F32_GROUPED_SIMD_H
#define DEPTHWISE_CONVOLUTION_F32_GROUPED_SIMD_H

#include "simd.h"
#include "window.h"

/* Pixels in a tile of two vectors each: the sums stay in the 16 registers of AVX2. */
#define GROUPED_PIXELS 6

/* Up to two vectors of outputs of one group, for neighbouring pixels whose windows hold the same taps.
 *   x: under the first tap of the first pixel; pixels are `across` floats apart, taps `right` and `down`
 *   w: at that tap; after the last tap of a row `skipped` floats follow which belong to taps outside the map
 */
struct grouped_tile {
    const float *x, *w, *bias;
    float *y;
    int across, right, down, skipped;
    int rows, columns;          /* taps */
    int depth, filled, outputs; /* input channels of the group, weights of one of them, floats from pixel to pixel of y */
    int lanes, stored;          /* lanes of the last vector that have weights, and that are stored */
    float minimum, maximum;
};

/* The weights or biases of a vector, `lanes` of which are there: all, if a vector has no more than 8. */
SIMD_INLINE simd grouped_load(const float *from, int lanes)
{
    return SIMD_WIDTH > 8 ? simd_load_part(from, lanes) : simd_load(from);
}

/* One tile; `pixels` and `vectors` are constants where this is inlined. */
SIMD_INLINE void grouped_product(const struct grouped_tile *t, int pixels, int vectors)
{
    const int across = t->across, depth = t->depth, filled = t->filled, lanes = t->lanes;
    const simd minimum = simd_all(t->minimum), maximum = simd_all(t->maximum);
    const float *line = t->x, *w = t->w;
    simd sum[GROUPED_PIXELS][2], weight[2];

    SIMD_UNROLL for (int i = 0; i < pixels; i++)
        SIMD_UNROLL for (int v = 0; v < vectors; v++)
            sum[i][v] = grouped_load(t->bias + v * SIMD_WIDTH, v < vectors - 1 ? SIMD_WIDTH : lanes);
    for (int ky = 0; ky < t->rows; ky++, line += t->down, w += t->skipped)
        for (int kx = 0; kx < t->columns; kx++) {
            const float *x = line + kx * t->right;
            SIMD_OPAQUE(x); /* else the compiler keeps an address for every pixel, and spills them */
            for (int c = 0; c < depth; c++, w += filled) {
                SIMD_UNROLL for (int v = 0; v < vectors; v++)
                    weight[v] = grouped_load(w + v * SIMD_WIDTH, v < vectors - 1 ? SIMD_WIDTH : lanes);
                SIMD_UNROLL for (int i = 0; i < pixels; i++) {
                    const simd a = simd_all(x[i * across + c]);
                    SIMD_UNROLL for (int v = 0; v < vectors; v++)
                        sum[i][v] = simd_fma(a, weight[v], sum[i][v]);
                }
            }
        }
    SIMD_UNROLL for (int i = 0; i < pixels; i++)
        SIMD_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = t->y + i * t->outputs + v * SIMD_WIDTH;
            if (v < vectors - 1 || t->stored == SIMD_WIDTH)
                simd_store(to, simd_clip(sum[i][v], minimum, maximum));
            else
                simd_store_part(to, simd_clip(sum[i][v], minimum, maximum), t->stored);
        }
}

/* The tiles that exist, out of line: their loops are most of the text. */
#define GROUPED_TILE static __attribute__((noinline, unused)) void

GROUPED_TILE grouped_full_2(const struct grouped_tile *t)
{
    grouped_product(t, GROUPED_PIXELS, 2);
}

GROUPED_TILE grouped_full_1(const struct grouped_tile *t)
{
    grouped_product(t, GROUPED_PIXELS, 1);
}

GROUPED_TILE grouped_single_2(const struct grouped_tile *t)
{
    grouped_product(t, 1, 2);
}

GROUPED_TILE grouped_single_1(const struct grouped_tile *t)
{
    grouped_product(t, 1, 1);
}

/* All outputs of one group for 1 or GROUPED_PIXELS pixels; the tile's w, bias and y are those of the group's first. */
static inline void grouped_outputs(struct grouped_tile t, int members, int pixels)
{
    for (int o = 0; o < members; o += 2 * SIMD_WIDTH) {
        const int two = members - o > SIMD_WIDTH, last = o + (two ? SIMD_WIDTH : 0);
        struct grouped_tile part = t;
        part.w += o;
        part.bias += o;
        part.y += o;
        part.lanes = t.filled - last < SIMD_WIDTH ? t.filled - last : SIMD_WIDTH;
        part.stored = members - last < SIMD_WIDTH ? members - last : SIMD_WIDTH;
        if (pixels == GROUPED_PIXELS)
            (two ? grouped_full_2 : grouped_full_1)(&part);
        else
            (two ? grouped_single_2 : grouped_single_1)(&part);
    }
}

/* One output row of one group, whose weights begin at w and whose window's rows are v; x, y: the group's first channel
 * in the row v.start of the map and in the output row.
 */
static inline void grouped_row(const struct convolution_parameters *p, const float *x, const float *w,
                               const float *bias, float *y, struct taps v)
{
    const int depth = p->channels / p->groups, members = p->outputs / p->groups, filled = (members + 7) / 8 * 8;
    const int clipped = p->activation == ACTIVATION_CLIP;
    const int reach = (p->kernel_width - 1) * p->dilation_x + 1 + (GROUPED_PIXELS - 1) * p->stride_x;
    struct grouped_tile t = {
        .bias = bias,
        .across = p->stride_x * p->channels,
        .right = p->dilation_x * p->channels,
        .down = p->dilation_y * p->width * p->channels,
        .rows = v.last - v.first,
        .depth = depth,
        .filled = filled,
        .outputs = p->outputs,
        .minimum = clipped ? p->minimum : -UNBOUNDED,
        .maximum = clipped ? p->maximum : UNBOUNDED,
    };
    int ox = 0;

    while (ox < p->out_width) {
        const int left = ox * p->stride_x - p->pad_left;
        const int whole = left >= 0 && ox + GROUPED_PIXELS <= p->out_width && left + reach <= p->width;
        const struct taps h = taps_inside(left, p->kernel_width, p->dilation_x, p->width);
        t.x = x + h.start * p->channels;
        t.w = w + (v.first * p->kernel_width + h.first) * depth * filled;
        t.y = y + ox * p->outputs;
        t.columns = h.last - h.first;
        t.skipped = (p->kernel_width - t.columns) * depth * filled;
        grouped_outputs(t, members, whole ? GROUPED_PIXELS : 1);
        ox += whole ? GROUPED_PIXELS : 1;
    }
}

static inline void convolution_f32_grouped_simd(const struct convolution_parameters *p, const float *x,
                                                const float *constants, float *y, float *workspace, int base,
                                                int first, int last)
{
    const int depth = p->channels / p->groups, members = p->outputs / p->groups, filled = (members + 7) / 8 * 8;
    const int row = p->out_width * p->outputs, size = p->kernel_height * p->kernel_width * depth * filled;

    (void)workspace;
    DEPTHWISE_ASSERT(depth * p->groups == p->channels && members * p->groups == p->outputs);
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, p->dilation_y, p->height);
        for (int group = 0; group < p->groups; group++)
            grouped_row(p, x + (v.start - base) * p->width * p->channels + group * depth, constants + group * size,
                        constants + p->groups * size + group * filled, y + (oy - first) * row + group * members, v);
    }
    if (p->activation != ACTIVATION_CLIP)
        simd_activate_all(y, (last - first) * row, p->activation, p->minimum, p->maximum);
}

#endif
