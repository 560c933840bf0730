/* The matrix product behind pointwise, fully connected and standard convolutions: pixels times panels of weights.
 *
 * A pixel's inputs are `lines` runs of `length` floats, `line_step` floats apart (pointwise: one run of all channels;
 * convolution: one run of kernel_width * channels floats per kernel row). Its K = lines * length inputs meet
 *   weights: panels [K][PANEL], one after the other; the last is as wide as is left, filled up to a multiple of 8
 *   bias, filled up to a multiple of 8
 * Every set of vectors reads this layout. Each output is bias + sum over k in order, one fused multiply-add each, in
 * every tile: so tiles may be cut anywhere.
 */
#ifndef DEPTHWISE_PANEL_SIMD_H
#define DEPTHWISE_PANEL_SIMD_H

#include "panel.h"

/* Inputs of this many floats pass through all panels before the next: they stay in the second-level cache. */
#define PANEL_BLOCK 65536

/* Weights are fetched so many inputs ahead: whoever fetches by itself stops at the end of each page of memory. */
#define PANEL_AHEAD 32

/* Pixels this many floats apart, or a multiple of that, share one set of a first-level cache, which holds eight lines:
 * then a tile has PANEL_CLASHING pixels at most.
 */
#define PANEL_CLASH 1024
#define PANEL_CLASHING 7

/* Products of at most this many inputs are unrolled where they are called, if their sizes are constants: in a loop out of
 * line so few inputs cost half as much again. With fewer registers compilers would load ahead and spill.
 */
#if defined(DEPTHWISE_AVX512)
#define PANEL_SHORT 32
#else
#define PANEL_SHORT 0
#endif

/* One product. x of pixel i begins at x + i * pixel_step; y is [pixels][outputs], of which from .. to - 1 are made. */
struct panel_job {
    const float *x;
    int pixels, pixel_step;       /* pixels, floats from one to the next */
    int lines, length, line_step; /* runs of inputs, floats in a run, floats from one to the next */
    const float *weights, *bias;
    float *y;
    int outputs, from, to; /* from: a multiple of PANEL */
    int activation;        /* enum activation */
    float minimum, maximum;
};

/* Sizes of a product that is to be unrolled, as in its job, all constants; lines is 0 for one in loops. */
struct panel_known {
    int lines, length, pixel_step;
};

/* `tiles` tiles of pixels, one after the other, from x and y on, with the outputs from `output` on: their weights begin
 * at w with `step` floats from one input to the next.
 */
struct panel_part {
    const float *x, *w;
    float *y;
    int tiles, output, step;
};

/* The sums of a tile: pixels times whole vectors, and half a vector where that is what is left of the outputs. */
struct panel_sums {
    simd whole[SIMD_ROWS][SIMD_VECTORS];
    simd_half half[SIMD_ROWS];
};

/* One input of every pixel. */
SIMD_INLINE void panel_input(struct panel_sums *sums, struct panel_inputs *in, const float *w, int rows, int whole, int half)
{
    const simd_half last = half ? simd_half_load(w + whole * SIMD_WIDTH) : simd_half_all(0.0f);
    simd weight[SIMD_VECTORS];

    SIMD_UNROLL for (int v = 0; v < whole; v++)
        weight[v] = simd_load(w + v * SIMD_WIDTH);
    SIMD_UNROLL for (int r = 0; r < rows; r++) {
        const float *const x = (const float *)(in->at[panel_near(r)] + (r - 3 * panel_near(r)) * in->across);
        SIMD_UNROLL for (int v = 0; v < whole; v++)
            sums->whole[r][v] = simd_fma(simd_all(*x), weight[v], sums->whole[r][v]);
        if (half)
            sums->half[r] = simd_half_fma(whole ? simd_low(simd_all(*x)) : simd_half_all(*x), last, sums->half[r]);
    }
    panel_move(in, rows, sizeof(float));
}

/* Stores the outputs of a tile at y. The function is clip or, with `swish`, hard_swish. */
SIMD_INLINE void panel_store(const struct panel_job *job, const struct panel_sums *sums, float *y, int left, int rows,
                             int whole, int half, int swish)
{
    const float minimum = job->minimum, maximum = job->maximum;
    const int activation = swish ? ACTIVATION_HARD_SWISH : ACTIVATION_CLIP, outputs = job->outputs;

    SIMD_UNROLL for (int v = 0; v < whole + half; v++) {
        const int width = v < whole ? SIMD_WIDTH : SIMD_WIDTH / 2, count = left - v * SIMD_WIDTH;
        SIMD_UNROLL for (int r = 0; r < rows; r++) {
            const simd sum = v < whole ? sums->whole[r][v] : simd_widened(sums->half[r]);
            const simd done = simd_activate(sum, activation, minimum, maximum);
            float *const to = y + r * outputs + v * SIMD_WIDTH;
            if (count < width)
                simd_store_part(to, done, count);
            else if (v < whole)
                simd_store(to, done);
            else
                simd_half_store(to, simd_low(done));
        }
    }
}

/* The tiles of a part, each of `rows` pixels times `units` units of outputs: constants where this is inlined, so that
 * the sums live in registers. Loops over `known` sizes are unrolled.
 */
SIMD_INLINE void panel_tiles(const struct panel_job *job, struct panel_part part, int rows, int units, int swish,
                             struct panel_known known)
{
    const int whole = units * PANEL_UNIT / SIMD_WIDTH, half = units * PANEL_UNIT % SIMD_WIDTH != 0;
    const intptr_t down = ((intptr_t)job->line_step - job->length) * (intptr_t)sizeof(float);
    const float *const bias = job->bias + part.output;
    struct panel_inputs in = {.across = (intptr_t)job->pixel_step * (intptr_t)sizeof(float)};

    part.y += part.output;
    for (; part.tiles > 0; part.tiles--) {
        const float *w = part.w;
        struct panel_sums sums;

        SIMD_OPAQUE(w); /* else unrolled loops keep all weights over all tiles, in memory */
        SIMD_UNROLL for (int i = 0; 3 * i < rows; i++) {
            in.at[i] = (const char *)part.x + 3 * i * in.across;
            SIMD_OPAQUE(in.at[i]); /* else the compiler keeps an address for every pixel, and spills them */
        }
        SIMD_UNROLL for (int r = 0; r < rows; r++) {
            SIMD_UNROLL for (int v = 0; v < whole; v++)
                sums.whole[r][v] = simd_load(bias + v * SIMD_WIDTH);
            if (half)
                sums.half[r] = simd_half_load(bias + whole * SIMD_WIDTH);
        }
        SIMD_UNROLL for (int line = 0; line < known.lines; line++) {
            SIMD_UNROLL for (int k = 0; k < known.length; k++, w += part.step) {
                /* What overlapping windows share the compiler would keep from one pixel to the next, in memory. */
                if (k > 0 && k % known.pixel_step == 0)
                    SIMD_UNROLL for (int i = 0; 3 * i < rows; i++)
                        SIMD_OPAQUE(in.at[i]);
                panel_input(&sums, &in, w, rows, whole, half);
            }
            panel_move(&in, rows, down);
        }
        for (int line = known.lines; line < job->lines; line++) {
            for (int k = 0; k < job->length; k++, w += part.step) {
                SIMD_FETCH(w + PANEL_AHEAD * PANEL);
                if (units > 2)
                    SIMD_FETCH(w + PANEL_AHEAD * PANEL + 2 * PANEL_UNIT);
                panel_input(&sums, &in, w, rows, whole, half);
            }
            panel_move(&in, rows, down);
        }
        panel_store(job, &sums, part.y, job->to - part.output, rows, whole, half, swish);
        part.x += rows * job->pixel_step;
        part.y += rows * job->outputs;
    }
}

/* The tiles that exist, out of line, since their loops are most of the text: panel_ROWS_UNITS_SWISH. Those that a program
 * never needs are dropped from it.
 */
#define PANEL_TILE(rows, units, swish)                                                                      \
    SIMD_OUTLINE void panel_##rows##_##units##_##swish(const struct panel_job *job, struct panel_part part) \
    {                                                                                                       \
        panel_tiles(job, part, rows, units, swish, (struct panel_known){0, 0, 0});                          \
    }
#if SIMD_VECTORS * SIMD_WIDTH > 16
#define PANEL_TILES(rows)                                                                       \
    PANEL_TILE(rows, 1, 0) PANEL_TILE(rows, 2, 0) PANEL_TILE(rows, 3, 0) PANEL_TILE(rows, 4, 0) \
    PANEL_TILE(rows, 1, 1) PANEL_TILE(rows, 2, 1) PANEL_TILE(rows, 3, 1) PANEL_TILE(rows, 4, 1)
#else
#define PANEL_TILES(rows) \
    PANEL_TILE(rows, 1, 0) PANEL_TILE(rows, 2, 0) PANEL_TILE(rows, 1, 1) PANEL_TILE(rows, 2, 1)
#endif

PANEL_ROWS(PANEL_TILES)

/* Runs a part whose tiles have `rows` pixels and `units` units of outputs, out of line unless its sizes are `known`. */
SIMD_INLINE void panel_run(const struct panel_job *job, struct panel_part part, int rows, int units, int swish,
                           struct panel_known known)
{
#define PANEL_PICK(rows, units) (swish ? panel_##rows##_##units##_1 : panel_##rows##_##units##_0)(job, part);
#if SIMD_VECTORS * SIMD_WIDTH > 16
#define PANEL_CASE(rows)        \
    case rows:                  \
        if (units == 1)         \
            PANEL_PICK(rows, 1) \
        else if (units == 2)    \
            PANEL_PICK(rows, 2) \
        else if (units == 3)    \
            PANEL_PICK(rows, 3) \
        else                    \
            PANEL_PICK(rows, 4) \
        break;
#else
#define PANEL_CASE(rows)        \
    case rows:                  \
        if (units == 1)         \
            PANEL_PICK(rows, 1) \
        else                    \
            PANEL_PICK(rows, 2) \
        break;
#endif
    if (known.lines) {
        panel_tiles(job, part, rows, units, swish, known);
        return;
    }
    switch (rows) {
        PANEL_ROWS(PANEL_CASE)
    }
#undef PANEL_PICK
#undef PANEL_CASE
}

/* A block of pixels with `units` units of a panel of `step`, from `unit` on. What decides which tiles there are is handed
 * on beside the job, so that the compiler sees constants. known: see panel_run.
 */
SIMD_INLINE void panel_units(const struct panel_job *job, struct panel_pixels block, int panel, int step, int unit, int units,
                             int swish, struct panel_known known)
{
    const int before = block.longer * (block.rows + 1);
    struct panel_part part = {
        .x = job->x + block.pixel * job->pixel_step,
        .w = job->weights + panel * job->lines * job->length + unit * PANEL_UNIT,
        .y = job->y + block.pixel * job->outputs,
        .tiles = block.longer,
        .output = panel + unit * PANEL_UNIT,
        .step = step * PANEL_UNIT,
    };

    if (block.longer > 0)
        panel_run(job, part, block.rows + 1, units, swish, known);
    part.x += before * job->pixel_step;
    part.y += before * job->outputs;
    part.tiles = block.tiles - block.longer;
    if (part.tiles > 0)
        panel_run(job, part, block.rows, units, swish, known);
}

/* A block of pixels with one panel of `step` units, of which a tile computes PANEL_UNITS at most. */
SIMD_INLINE void panel_column(const struct panel_job *job, struct panel_pixels block, int panel, int step, int swish,
                              struct panel_known known)
{
    const int left = step % PANEL_UNITS;

    for (int unit = 0; unit + PANEL_UNITS <= step; unit += PANEL_UNITS)
        panel_units(job, block, panel, step, unit, PANEL_UNITS, swish, known);
    if (left > 0)
        panel_units(job, block, panel, step, step - left, left, swish, known);
}

/* A block of pixels through the panels of the outputs from .. to - 1 of `outputs`. */
SIMD_INLINE void panel_columns(const struct panel_job *job, struct panel_pixels block, int outputs, int swish,
                               struct panel_known known)
{
    for (int panel = job->from, to = job->to; panel < to; panel += PANEL)
        if (outputs - panel >= PANEL)
            panel_column(job, block, panel, PANEL / PANEL_UNIT, swish, known);
        else
            panel_column(job, block, panel, panel_filled(outputs % PANEL) / PANEL_UNIT, swish, known);
}

/* How the pixels of a whole map are cut into tiles: nearly equal ones, so that the last is as full as the others. */
struct panel_cut {
    int tiles, rows, longer; /* `longer` tiles of rows + 1 pixels, then others of `rows`, `tiles` in all */
};

/* The tile that begins with `pixel`, if one does; so does the next one after the last pixel. */
SIMD_INLINE int panel_tile_at(struct panel_cut cut, int pixel)
{
    const int before = cut.longer * (cut.rows + 1);
    return pixel < before ? pixel / (cut.rows + 1) : cut.longer + (pixel - before) / cut.rows;
}

/* The pixel with which a tile begins. */
SIMD_INLINE int panel_pixel_at(struct panel_cut cut, int tile)
{
    return tile * cut.rows + (tile < cut.longer ? tile : cut.longer);
}

/* Pixels that are cut anywhere, in tiles of `most`: the last overlaps the one before it, storing the same bits again. */
SIMD_INLINE void panel_loose(const struct panel_job *job, int most, int block, int outputs, int swish)
{
    const int pixels = job->pixels, tiles = pixels / most, rest = pixels % most;

    for (int tile = 0; tile < tiles; tile += block) {
        const struct panel_pixels here = {tile * most, tiles - tile < block ? tiles - tile : block, most, 0};
        panel_columns(job, here, outputs, swish, (struct panel_known){0, 0, 0});
    }
    if (rest > 0 && tiles > 0) {
        const struct panel_pixels last = {pixels - most, 1, most, 0};
        panel_columns(job, last, outputs, swish, (struct panel_known){0, 0, 0});
    } else if (rest > 0) {
        const struct panel_pixels single = {0, rest, 1, 0};
        panel_columns(job, single, outputs, swish, (struct panel_known){0, 0, 0});
    }
}

/* The whole job, a block of pixels after the other: those from `first` on of a map of `total` pixels, by the tiles of
 * the map if they end where these do, which is so wherever `unit` pixels or a multiple are cut off.
 */
SIMD_INLINE void panel_product(struct panel_job job, int first, int total, int unit)
{
    const int outputs = job.outputs, pixels = job.pixels, activation = job.activation;
    const int lines = job.lines, length = job.length, swish = activation == ACTIVATION_HARD_SWISH;
    const int most = job.pixel_step % PANEL_CLASH || SIMD_ROWS < PANEL_CLASHING ? SIMD_ROWS : PANEL_CLASHING;
    const int tiles = (total + most - 1) / most, rows = total / tiles, longer = total - tiles * rows;
    const struct panel_cut cut = {tiles, rows, longer};
    const int begin = panel_tile_at(cut, first), end = panel_tile_at(cut, first + pixels);
    const int fit = PANEL_BLOCK / (lines * length * most), block = fit > 1 ? fit : 1;
    const int unrolled = __builtin_constant_p(rows) && __builtin_constant_p(lines * length) && lines * length <= PANEL_SHORT;
    const struct panel_known known = {unrolled ? lines : 0, unrolled ? length : 0, job.pixel_step};
    const float minimum = job.minimum, maximum = job.maximum;

    DEPTHWISE_ASSERT(lines * length > 0 && pixels >= 0 && job.from % PANEL == 0 && job.to <= outputs);
    DEPTHWISE_ASSERT(first >= 0 && first + pixels <= total);
    if (activation != ACTIVATION_CLIP) {
        job.minimum = -UNBOUNDED;
        job.maximum = UNBOUNDED;
    }
    if ((longer == 0 && unit % rows == 0) ||
        (panel_pixel_at(cut, begin) == first && panel_pixel_at(cut, end) == first + pixels)) {
        for (int tile = begin; tile < end; tile += block) {
            const int count = end - tile < block ? end - tile : block, after = longer - tile;
            const int more = longer == 0 || after < 0 ? 0 : after < count ? after : count;
            const struct panel_pixels here = {panel_pixel_at(cut, tile) - first, count, rows, more};
            panel_columns(&job, here, outputs, swish, known);
        }
    } else {
        panel_loose(&job, most, block, outputs, swish);
    }
    /* Long activation functions pass over what is done: in the tiles they would take the sums' registers. */
    if (activation != ACTIVATION_CLIP && !swish)
        simd_activate_channels(job.y, pixels, outputs, job.from, job.to, activation, minimum, maximum);
}

#endif
