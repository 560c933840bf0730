/* Convolution of 8 bits in one group without horizontal dilation, with vectors.
 *   x [height][width][channels]
 *   constants: weight in panels [outputs / PANEL][kernel_height][words of a line][PANEL][I8_GROUP], bias [outputs],
 *     scale [outputs], all filled up (panel_i8_simd.h)
 *   y [.][out_width][outputs], rows first .. last - 1 of channels from .. to - 1
 *   workspace: rows of x with their borders as I8_INPUT
 *     [(kernel_height - 1) * dilation_y + 1 + CONVOLUTION_I8_AHEAD * stride_y][(out_width - 1) * stride_x + kernel_width][channels],
 *     and a word
 *
 * The input lines under one output row are copied into the workspace, so that the row is one matrix product without
 * special cases.
 */
#ifndef DEPTHWISE_CONVOLUTION_I8_SIMD_H
#define DEPTHWISE_CONVOLUTION_I8_SIMD_H

#include "panel_i8_simd.h"

/* Output rows for which the workspace has room beyond the first: whenever it is full, what is still needed moves to its front. */
#define CONVOLUTION_I8_AHEAD 3

/* `count` inputs of padded pixels. */
static inline void convolution_i8_border(I8_INPUT *to, int count, int zero)
{
    for (int i = 0; i < count; i++)
        to[i] = (I8_INPUT)(zero - I8_OFFSET);
}

/* Input row `iy` with its borders: `columns` pixels from input column -pad_left on; x begins with row `base`. */
static inline void convolution_i8_line(const struct convolution_i8_parameters *p, const uint8_t *x, I8_INPUT *to, int base,
                                       int iy, int columns)
{
    const int room = columns - p->pad_left, inside = room < p->width ? room : p->width;
    const int left = p->pad_left * p->channels, count = inside * p->channels;

    if (iy < 0 || iy >= p->height || inside <= 0) {
        convolution_i8_border(to, columns * p->channels, p->input_zero);
        return;
    }
    convolution_i8_border(to, left, p->input_zero);
    panel_i8_prepare(to + left, x + (iy - base) * p->width * p->channels, count);
    convolution_i8_border(to + left + count, (room - inside) * p->channels, p->input_zero);
}

SIMD_INLINE void convolution_i8_simd(const struct convolution_i8_parameters *p, const uint8_t *x, const void *constants,
                                     uint8_t *y, void *workspace, int base, int first, int last, int from, int to)
{
    const int columns = (p->out_width - 1) * p->stride_x + p->kernel_width, line = columns * p->channels;
    const int reach = (p->kernel_height - 1) * p->dilation_y + 1, room = reach + CONVOLUTION_I8_AHEAD * p->stride_y;
    const int filled = panel_filled(p->outputs), words = (p->kernel_width * p->channels + I8_GROUP - 1) / I8_GROUP;
    const int32_t *const bias =
        (const int32_t *)((const int8_t *)constants + p->kernel_height * words * I8_GROUP * filled);
    I8_INPUT *const lines = (I8_INPUT *)workspace;
    int begin = 0, end = 0; /* input rows that the workspace holds */

    DEPTHWISE_ASSERT(p->groups == 1 && p->dilation_x == 1);
    for (int oy = first; oy < last; oy++) {
        const int top = oy * p->stride_y - p->pad_top;
        if (oy == first || top >= end) {
            begin = end = top;
        } else if (top + reach - begin > room) {
            __builtin_memmove(lines, lines + (top - begin) * line, sizeof *lines * (unsigned)((end - top) * line));
            begin = top;
        }
        for (; end < top + reach; end++)
            convolution_i8_line(p, x, lines + (end - begin) * line, base, end, columns);
        const struct panel_i8_job job = {
            .x = lines + (top - begin) * line,
            .pixels = p->out_width,
            .pixel_step = p->stride_x * p->channels,
            .lines = p->kernel_height,
            .words = words,
            .line_step = p->dilation_y * line,
            .weights = (const int8_t *)constants,
            .bias = bias,
            .scale = (const float *)bias + filled,
            .y = y + (oy - first) * p->out_width * p->outputs,
            .outputs = p->outputs,
            .from = from,
            .to = to,
            .rounding = {p->output_zero, p->minimum, p->maximum, p->bounded},
        };
        panel_i8_product(job, p->out_width);
    }
}

#endif
