/* Depthwise convolution of 8 bits with multiplier 1 and few channels, with vectors; any window up to DEPTHWISE_I8_LINES
 * rows, any stride and dilation.
 *   x [height][width][channels]
 *   constants: weight, bias, scale in the order of ops/_lanes.py, the channels repeated as often as fills whole vectors
 *   y [.][out_width][channels], rows first .. last - 1
 *   workspace: as many lines as the window spans rows, and one of input_zero; a line is stride_x times narrow_i8_plane bytes
 *
 * A vector is some bytes of an output row, whatever pixels they belong to. Input rows are copied into lines with their
 * borders, of each stride_x columns the first ones together, then the second ones, and so on: so the inputs of one tap
 * lie as the outputs do.
 */
#ifndef DEPTHWISE_DEPTHWISE_I8_NARROW_SIMD_H
#define DEPTHWISE_DEPTHWISE_I8_NARROW_SIMD_H

#include "depthwise_i8_simd.h"

/* Columns under the windows of a row. */
SIMD_INLINE int narrow_i8_columns(const struct convolution_i8_parameters *p)
{
    return (p->out_width - 1) * p->stride_x + (p->kernel_width - 1) * p->dilation_x + 1;
}

/* Bytes of every stride_x-th column, and of a vector behind them. */
SIMD_INLINE int narrow_i8_plane(const struct convolution_i8_parameters *p)
{
    return (narrow_i8_columns(p) + p->stride_x - 1) / p->stride_x * p->channels + DEPTHWISE_I8_CHUNK;
}

/* An input row into a line, whose borders are there already. */
SIMD_INLINE void narrow_i8_copy(const struct convolution_i8_parameters *p, const uint8_t *x, uint8_t *line)
{
    const int columns = narrow_i8_columns(p), stride = p->stride_x, channels = p->channels;
    const int end = columns < p->pad_left + p->width ? columns : p->pad_left + p->width;

    if (stride == 1 && end > p->pad_left)
        __builtin_memcpy(line + p->pad_left * channels, x, (unsigned)((end - p->pad_left) * channels));
    for (int plane = 0; stride > 1 && plane < stride; plane++, line += narrow_i8_plane(p))
        for (int column = plane, i = 0; column < end; column += stride, i++)
            if (column >= p->pad_left)
                __builtin_memcpy(line + i * channels, x + (column - p->pad_left) * channels, (unsigned)channels);
}

/* An output row of the given lines, four for each group of rows of the window. */
SIMD_INLINE void narrow_i8_row(const struct convolution_i8_parameters *p, const uint8_t *const *lines,
                               const uint8_t *weight, const uint8_t *bias, const uint8_t *scale, uint8_t *y, int period,
                               int open)
{
    const struct simd_rounding to = depthwise_i8_rounding(p, open);
    const int width = p->kernel_width, taps = (p->kernel_height + 3) / 4 * width, count = p->out_width * p->channels;
    const int keep = taps == 3 && LANES_LINES == 1 && SIMD_REGISTERS >= 32 && period == LANES_BYTES;
    simd_byte kept[12];
    int at = 0; /* in the period of the constants */

    SIMD_UNROLL for (int j = 0; j < 12; j++)
        kept[j] = depthwise_i8_constant(weight, keep ? j : 0, 0);
    for (int i = 0; i < count; i += LANES_BYTES) {
        const int chunk = at / DEPTHWISE_I8_CHUNK, within = at % DEPTHWISE_I8_CHUNK;
        const uint8_t *w = weight + chunk * taps * 4 * LANES_LINES * DEPTHWISE_I8_CHUNK + within;
        const int words = chunk * 4 * DEPTHWISE_I8_CHUNK + within;
        simd_int sum[4];
        SIMD_UNROLL for (int j = 0; j < 4; j++)
            sum[j] = (simd_int)depthwise_i8_constant(bias + words, j, 0);
        SIMD_UNROLL for (int tap = 0; tap < taps; tap++) {
            const int column = tap % width * p->dilation_x, line = tap / width * 4;
            const int offset = column % p->stride_x * narrow_i8_plane(p) + column / p->stride_x * p->channels + i;
            simd_byte in[4];
            struct lanes v;
            SIMD_UNROLL for (int j = 0; j < 3; j++) {
                in[j] = depthwise_i8_load(lines[line + j] + offset, 0, 0);
                LANES_HERE(in[j]); /* else it is loaded twice, each time across two lines of the cache */
            }
            in[3] = p->kernel_height == 3 ? in[2] : depthwise_i8_load(lines[line + 3] + offset, 0, 0);
            v = lanes_weave(in[0], in[1], in[2], in[3]);
            if (keep)
                SIMD_UNROLL for (int j = 0; j < 4; j++)
                    sum[j] = lanes_dot(sum[j], lanes_split(v.words[j]), kept + tap * 4 + j);
            else
                depthwise_i8_taps(sum, v, w, tap * 4 * LANES_LINES, 0);
        }
        lanes_store(y + i, depthwise_i8_bytes(sum, scale + words, 0, to), count - i);
        at = at + LANES_BYTES < period ? at + LANES_BYTES : 0;
    }
}

SIMD_INLINE void depthwise_i8_narrow_simd(const struct convolution_i8_parameters *p, const uint8_t *x,
                                          const void *constants, uint8_t *y, void *workspace, int base, int first,
                                          int last)
{
    const int open = p->bounded && p->output_zero == 0 && p->minimum == 0 && p->maximum == 255;
    const int span = (p->kernel_height - 1) * p->dilation_y + 1, bytes = p->stride_x * narrow_i8_plane(p);
    const int weights = (p->kernel_height + 3) / 4 * p->kernel_width * 4 * LANES_LINES * DEPTHWISE_I8_CHUNK;
    uint8_t *const ring = (uint8_t *)workspace, *const border = ring + span * bytes;
    const uint8_t *const weight = (const uint8_t *)constants, *lines[DEPTHWISE_I8_LINES];
    int next = 0, period = LANES_BYTES, chunks = 1;

    DEPTHWISE_ASSERT(p->channels == p->outputs && p->kernel_height <= DEPTHWISE_I8_LINES);
    for (; LANES_BYTES % p->channels && period % p->channels; period += LANES_BYTES)
        ;
    for (; DEPTHWISE_I8_CHUNK % p->channels && chunks * DEPTHWISE_I8_CHUNK % p->channels; chunks++)
        ;
    __builtin_memset(ring, p->input_zero, (unsigned)((span + 1) * bytes));
    for (int oy = first; oy < last; oy++, y += p->out_width * p->channels) {
        const int top = oy * p->stride_y - p->pad_top, end = top + span < p->height ? top + span : p->height;
        const uint8_t *const bias = weight + chunks * weights, *const scale = bias + chunks * 4 * DEPTHWISE_I8_CHUNK;
        for (next = next < top ? top : next; next < end; next++)
            narrow_i8_copy(p, x + (next - base) * p->width * p->channels, ring + next % span * bytes);
        for (int i = 0; i < DEPTHWISE_I8_LINES; i++) {
            const int iy = top + i * p->dilation_y;
            lines[i] = i < p->kernel_height && iy >= 0 && iy < p->height ? ring + iy % span * bytes : border;
        }
        if (open)
            narrow_i8_row(p, lines, weight, bias, scale, y, period, 1);
        else
            narrow_i8_row(p, lines, weight, bias, scale, y, period, 0);
    }
}

#endif
