/* The matrix product behind pointwise, fully connected and standard convolutions: pixels times panels of weights.
 *
 * A pixel's inputs are `lines` runs of `length` floats, `line_step` floats apart (pointwise: one run of all channels;
 * convolution: one run of kernel_width * channels floats per kernel row). Its K = lines * length inputs meet
 *   weights: panels [K][SIMD_PANEL], one after the other; the last may be one vector wide; zeros fill it up
 *   bias, filled up to whole vectors.
 * Each output is bias + sum over k in order, one fused multiply-add each, in every tile: so tiles may be cut anywhere.
 */
#ifndef DEPTHWISE_PANEL_SIMD_H
#define DEPTHWISE_PANEL_SIMD_H

#include "simd.h"

/* One product. x of pixel i begins at x + i * pixel_step; y is [pixels][outputs]. */
struct panel_job {
    const float *x;
    int pixels, pixel_step;       /* pixels, floats from one to the next */
    int lines, length, line_step; /* runs of inputs, floats in a run, floats from one to the next */
    const float *weights, *bias;
    float *y;
    int outputs, from, to; /* channels of y; those computed: from a multiple of SIMD_PANEL to another, or to the end */
    int activation; /* enum activation */
    float minimum, maximum;
};

/* A tile of `rows` pixels from `pixel` on times `vectors` vectors of outputs from `output` on; both are constants where
 * this is inlined, so that `sum` lives in registers. It is stored clipped, or raw for other activation functions.
 */
SIMD_INLINE void panel_tile(const struct panel_job *job, int pixel, int output, const float *w, int rows, int vectors)
{
    const float *x = job->x + pixel * job->pixel_step;
    float *y = job->y + pixel * job->outputs + output;
    const int step = job->pixel_step, length = job->length;
    const simd minimum = simd_all(job->minimum), maximum = simd_all(job->maximum);
    simd sum[SIMD_ROWS][2];

    SIMD_UNROLL for (int r = 0; r < rows; r++)
        SIMD_UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = simd_load(job->bias + output + v * SIMD_WIDTH);
    for (int line = 0; line < job->lines; line++, x += job->line_step)
        for (int k = 0; k < length; k++, w += vectors * SIMD_WIDTH) {
            simd weight[2];
            SIMD_UNROLL for (int v = 0; v < vectors; v++)
                weight[v] = simd_load(w + v * SIMD_WIDTH);
            SIMD_UNROLL for (int r = 0; r < rows; r++) {
                const simd a = simd_all(x[r * step + k]);
                SIMD_UNROLL for (int v = 0; v < vectors; v++)
                    sum[r][v] = simd_fma(a, weight[v], sum[r][v]);
            }
        }
    SIMD_UNROLL for (int r = 0; r < rows; r++)
        SIMD_UNROLL for (int v = 0; v < vectors; v++) {
            const int left = job->outputs - output - v * SIMD_WIDTH;
            float *to = y + r * job->outputs + v * SIMD_WIDTH;
            const simd clipped = simd_clip(sum[r][v], minimum, maximum);
            if (left >= SIMD_WIDTH)
                simd_store(to, clipped);
            else
                simd_store_part(to, clipped, left);
        }
}

/* The tiles that exist, out of line: their loops are most of the text. */
#define PANEL_TILE static __attribute__((noinline, unused)) void

PANEL_TILE panel_full_2(const struct panel_job *job, int pixel, int output, const float *w)
{
    panel_tile(job, pixel, output, w, SIMD_ROWS, 2);
}

PANEL_TILE panel_full_1(const struct panel_job *job, int pixel, int output, const float *w)
{
    panel_tile(job, pixel, output, w, SIMD_ROWS, 1);
}

PANEL_TILE panel_single_2(const struct panel_job *job, int pixel, int output, const float *w)
{
    panel_tile(job, pixel, output, w, 1, 2);
}

PANEL_TILE panel_single_1(const struct panel_job *job, int pixel, int output, const float *w)
{
    panel_tile(job, pixel, output, w, 1, 1);
}

/* All pixels of a job through one panel of `vectors` vectors. */
static inline void panel_column(const struct panel_job *job, int output, const float *w, int vectors)
{
    int pixel = 0;

    for (; pixel + SIMD_ROWS <= job->pixels; pixel += SIMD_ROWS)
        (vectors == 2 ? panel_full_2 : panel_full_1)(job, pixel, output, w);
    if (pixel < job->pixels && job->pixels >= SIMD_ROWS) {
        /* The last tile overlaps the one before it: the same bits are stored again. */
        (vectors == 2 ? panel_full_2 : panel_full_1)(job, job->pixels - SIMD_ROWS, output, w);
        return;
    }
    for (; pixel < job->pixels; pixel++)
        (vectors == 2 ? panel_single_2 : panel_single_1)(job, pixel, output, w);
}

/* The job: panels outermost, so that a panel stays in the first-level cache while all pixels pass. */
static inline void panel_product(struct panel_job job)
{
    const int depth = job.lines * job.length;
    const float *w = job.weights + job.from * depth;
    const float minimum = job.minimum, maximum = job.maximum;

    DEPTHWISE_ASSERT(depth > 0 && job.pixels >= 0 && job.from % SIMD_PANEL == 0 && job.to <= job.outputs);
    if (job.activation != ACTIVATION_CLIP) {
        job.minimum = -UNBOUNDED;
        job.maximum = UNBOUNDED;
    }
    for (int output = job.from; output < job.to; output += SIMD_PANEL) {
        const int vectors = job.outputs - output > SIMD_WIDTH ? 2 : 1;
        panel_column(&job, output, w, vectors);
        w += depth * vectors * SIMD_WIDTH;
    }
    if (job.activation != ACTIVATION_CLIP)
        simd_activate_channels(job.y, job.pixels, job.outputs, job.from, job.to, job.activation, minimum, maximum);
}

#endif
