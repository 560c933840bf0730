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

/* Output rows first .. last - 1 of channels from .. to - 1 (panel_simd.h).
 *   x [height][width][channels]
 *   constants: weight in panels [outputs / SIMD_PANEL][kernel_height][kernel_width][channels][SIMD_PANEL],
 *     bias [outputs], both filled up (panel_simd.h), camera: pad [channels]
 *   y [.][out_width][outputs]; workspace [kernel_height][(out_width - 1) * stride_x + kernel_width][channels]
 */
static inline void convolution_simd(const struct convolution_parameters *p, const void *x, int camera,
                                    const float *constants, float *y, float *workspace, int base, int first, int last,
                                    int from, int to)
{
    const int columns = (p->out_width - 1) * p->stride_x + p->kernel_width, line = columns * p->channels;
    const int filled = (p->outputs + SIMD_WIDTH - 1) / SIMD_WIDTH * SIMD_WIDTH;
    const float *bias = constants + p->kernel_height * p->kernel_width * p->channels * filled;

    DEPTHWISE_ASSERT(p->groups == 1 && p->dilation_x == 1);
    for (int oy = first; oy < last; oy++) {
        const struct panel_job job = {
            .x = workspace,
            .pixels = p->out_width,
            .pixel_step = p->stride_x * p->channels,
            .lines = p->kernel_height,
            .length = p->kernel_width * p->channels,
            .line_step = line,
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
        for (int ky = 0; ky < p->kernel_height; ky++)
            convolution_line(p, x, camera, camera ? bias + filled : 0, workspace + ky * line, base,
                             oy * p->stride_y - p->pad_top + ky * p->dilation_y, columns);
        panel_product(job);
    }
}

#endif
