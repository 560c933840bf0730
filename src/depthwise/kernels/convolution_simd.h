/* Convolution with vectors: the body of convolution_f32_simd.h and convolution_u8_f32_simd.h.
 *
 * The input lines under one output row are copied into the workspace as floats, with their borders, so that the row
 * is one matrix product (panel_simd.h) without special cases. One group, horizontal dilation 1.
 */
#ifndef DEPTHWISE_CONVOLUTION_SIMD_H
#define DEPTHWISE_CONVOLUTION_SIMD_H

#include "panel_simd.h"

/* `count` pixels of `channels` values each, all equal to `pad` (NULL: zero). */
static inline void convolution_border(float *to, int count, int channels, const float *pad)
{
    DEPTHWISE_ASSERT(channels > 0);
    if (!pad) {
        __builtin_memset(to, 0, sizeof *to * (unsigned)(count * channels));
        return;
    }
    for (int i = 0; i < count; i++)
        for (int c = 0; c < channels; c++)
            to[i * channels + c] = pad[c];
}

/* Input row `iy` with its borders: `columns` pixels from input column -pad_left on; x begins with row `base`. */
static inline void convolution_line(const struct convolution_parameters *p, const void *x, int camera, const float *pad,
                                    float *to, int base, int iy, int columns)
{
    const int room = columns - p->pad_left, inside = room < p->width ? room : p->width;
    const int start = (iy - base) * p->width * p->channels, count = inside * p->channels;
    float *middle = to + p->pad_left * p->channels;

    DEPTHWISE_ASSERT(columns > 0);
    if (iy < 0 || iy >= p->height || inside <= 0) {
        convolution_border(to, columns, p->channels, pad);
        return;
    }
    convolution_border(to, p->pad_left, p->channels, pad);
    /* Not a loop: gcc 12 -O3 gave rows of the map the zeros of the rows above it (5 x 2 taps on 3 x 2 pixels). */
    if (!camera)
        __builtin_memcpy(middle, (const float *)x + start, sizeof *middle * (unsigned)count);
    for (int i = 0; camera && i < count; i++)
        middle[i] = (float)((const uint8_t *)x)[start + i];
    convolution_border(middle + count, room - inside, p->channels, pad);
}

/* Brings the input rows from `iy` on near which the next output row reads: they come from far, so they are asked for early. */
SIMD_INLINE void convolution_fetch(const struct convolution_parameters *p, const void *x, int camera, int base, int iy)
{
    const int size = p->width * p->channels * (camera ? 1 : (int)sizeof(float));
    const char *const row = (const char *)x + (iy - base) * size;
    const int rows = p->height - iy < p->stride_y ? p->height - iy : p->stride_y;

    for (int i = 0; i < rows * size; i += 64)
        SIMD_FETCH(row + i);
}

/* Output rows for which the workspace has room beyond the first: whenever it is full, what is still needed moves to its front. */
#define CONVOLUTION_AHEAD 3

/* Output rows first .. last - 1 of channels from .. to - 1 (panel_simd.h).
 *   x [height][width][channels]
 *   constants: weight in panels [outputs / PANEL][kernel_height][kernel_width][channels][PANEL],
 *     bias [outputs], both filled up (panel_simd.h), camera: pad [channels]
 *   y [.][out_width][outputs]
 *   workspace [(kernel_height - 1) * dilation_y + 1 + CONVOLUTION_AHEAD * stride_y]
 *     [(out_width - 1) * stride_x + kernel_width][channels]
 */
SIMD_INLINE void convolution_simd(const struct convolution_parameters *p, const void *x, int camera,
                                  const float *constants, float *y, float *workspace, int base, int first, int last,
                                  int from, int to)
{
    const int columns = (p->out_width - 1) * p->stride_x + p->kernel_width, line = columns * p->channels;
    const int reach = (p->kernel_height - 1) * p->dilation_y + 1, room = reach + CONVOLUTION_AHEAD * p->stride_y;
    const int filled = panel_filled(p->outputs);
    const float *const bias = constants + p->kernel_height * p->kernel_width * p->channels * filled;
    int begin = 0, end = 0; /* input rows that the workspace holds */

    DEPTHWISE_ASSERT(p->groups == 1 && p->dilation_x == 1);
    for (int oy = first; oy < last; oy++) {
        const int top = oy * p->stride_y - p->pad_top;
        if (oy == first || top >= end) {
            begin = end = top;
        } else if (top + reach - begin > room) {
            __builtin_memmove(workspace, workspace + (top - begin) * line, sizeof *workspace * (unsigned)((end - top) * line));
            begin = top;
        }
        for (; end < top + reach; end++)
            convolution_line(p, x, camera, camera ? bias + filled : 0, workspace + (end - begin) * line, base, end, columns);
        if (oy + 1 < last)
            convolution_fetch(p, x, camera, base, end);
        const struct panel_job job = {
            .x = workspace + (top - begin) * line,
            .pixels = p->out_width,
            .pixel_step = p->stride_x * p->channels,
            .lines = p->kernel_height,
            .length = p->kernel_width * p->channels,
            .line_step = p->dilation_y * line,
            .weights = constants,
            .bias = bias,
            .y = y + (oy - first) * p->out_width * p->outputs,
            .outputs = p->outputs,
            .from = from,
            .to = to,
            .activation = p->activation,
            .minimum = p->minimum,
            .maximum = p->maximum,
        };
        panel_product(job, 0, p->out_width, p->out_width);
    }
}

#endif
