/* Depthwise convolution of 8 bits with multiplier 1 and at least 16 channels (32 with vectors of 32 bytes and more), with
 * vectors; windows of any size, stride and dilation whose rows are DEPTHWISE_I8_LINES - stride at most.
 *   x [height][width][channels]
 *   constants: weight, bias, scale in the order of ops/_lanes.py
 *   y [.][out_width][channels], rows first .. last - 1 of at least 32 channels from .. to - 1; workspace: none
 *
 * Four rows of a column are woven into words, so that one product of four bytes does all taps of a column: this is done
 * once for each column, whatever outputs read it. Rows outside the map are one line of input_zero that does not advance,
 * columns outside it are never loaded: so borders are like the rest. Where vectors have 64 bytes, 32 channels take two
 * output rows at a time, one in each half.
 */
#ifndef DEPTHWISE_DEPTHWISE_I8_SIMD_H
#define DEPTHWISE_DEPTHWISE_I8_SIMD_H

#include "lanes_i8.h"

/* The tallest window. */
#define DEPTHWISE_I8_LINES 16

/* Channels whose constants lie together, and at the end of all these the last channels that fill no other. */
#define DEPTHWISE_I8_CHUNK 64
#define DEPTHWISE_I8_LAST 32

/* Pixels of a tile: with 16 registers two have room for their sums. */
#define DEPTHWISE_I8_PIXELS (SIMD_REGISTERS >= 32 ? 4 : 2)

/* An output row: some channels of it, one vector's. */
struct depthwise_i8_row {
    const uint8_t *x[DEPTHWISE_I8_LINES]; /* the rows that it reads, at column 0 and channel 0, or a line of input_zero */
    int step[DEPTHWISE_I8_LINES];         /* bytes from one column to the next: channels, or 0 */
    const uint8_t *border;                /* the line of input_zero */
    uint8_t *y;                           /* at column 0 and channel 0 */
    const uint8_t *weight, *bias, *scale;
    int channel;
};

/* Row `line` of those that an output row reads, at its channels. */
SIMD_INLINE const uint8_t *depthwise_i8_line(const struct depthwise_i8_row *row, int line)
{
    return row->x[line] + (row->step[line] ? row->channel : 0);
}

/* A vector of inputs, or with `two` half a vector of each of two rows. */
SIMD_INLINE simd_byte depthwise_i8_load(const uint8_t *x, const uint8_t *second, int two)
{
#if defined(DEPTHWISE_AVX512)
    if (two)
        return (simd_byte)_mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)x)),
                                             _mm256_loadu_si256((const __m256i *)second), 1);
#endif
    if (two) {
        simd_byte v = {0};
        __builtin_memcpy(&v, x, LANES_BYTES / 2);
        __builtin_memcpy((uint8_t *)&v + LANES_BYTES / 2, second, LANES_BYTES / 2);
        return v;
    }
    return LANES_OFFSET ? simd_byte_load(x) ^ LANES_OFFSET : simd_byte_load(x);
}

/* The vector of constants of a line, or with `two` its half twice. */
SIMD_INLINE simd_byte depthwise_i8_constant(const uint8_t *constants, int line, int two)
{
#if defined(DEPTHWISE_AVX512)
    if (two)
        return (simd_byte)_mm512_broadcast_i64x4(
            _mm256_loadu_si256((const __m256i *)(constants + line * DEPTHWISE_I8_CHUNK)));
#endif
    constants += line * DEPTHWISE_I8_CHUNK;
    return two ? depthwise_i8_load(constants, constants, 1) : simd_byte_load(constants);
}

/* A vector of outputs, or with `two` half a vector to each of two rows. Where there is no second row, `second` is y. */
SIMD_INLINE void depthwise_i8_store(uint8_t *y, uint8_t *second, simd_byte v, int two)
{
#if defined(DEPTHWISE_AVX512)
    if (two) {
        _mm256_storeu_si256((__m256i *)second, _mm512_extracti64x4_epi64((__m512i)v, 1));
        _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256((__m512i)v));
        return;
    }
#endif
    if (two) {
        __builtin_memcpy(second, (uint8_t *)&v + LANES_BYTES / 2, LANES_BYTES / 2);
        __builtin_memcpy(y, &v, LANES_BYTES / 2);
        return;
    }
    simd_byte_store(y, v);
}

/* The sums of one pixel as bytes. */
SIMD_INLINE simd_byte depthwise_i8_bytes(const simd_int *sum, const uint8_t *scale, int two, struct simd_rounding to)
{
    simd_int rounded[4];

    SIMD_UNROLL for (int i = 0; i < 4; i++)
        rounded[i] = simd_rounded(sum[i], (simd)depthwise_i8_constant(scale, i, two), to);
    return lanes_bytes(rounded[0], rounded[1], rounded[2], rounded[3], to);
}

/* How outputs are rounded; `open`: no sum is too large, and nothing but the type bounds them. */
SIMD_INLINE struct simd_rounding depthwise_i8_rounding(const struct convolution_i8_parameters *p, int open)
{
    const struct simd_rounding to = {p->output_zero, p->minimum, p->maximum, p->bounded}, plain = {0, 0, 255, 1};
    return open ? plain : to;
}

#if SIMD_REGISTERS >= 32 && LANES_LINES == 1
/* The next column of a window of 3 rows, or of two such windows `stride` rows apart. */
SIMD_INLINE struct lanes depthwise_i8_column(const uint8_t **x, const int *step, simd_byte border, int inside,
                                             int stride, int two)
{
    struct lanes v = {{border, border, border, border}};

    if (inside) {
        simd_byte in[3];
        SIMD_UNROLL for (int i = 0; i < 3; i++)
            in[i] = depthwise_i8_load(x[i], x[two ? i + stride : i], two);
        v = lanes_weave(in[0], in[1], in[2], in[2]);
        SIMD_UNROLL for (int i = 0; i < 5; i++)
            if (i < (two ? 3 + stride : 3))
                x[i] += step[i];
    }
    return v;
}

/* One output pixel of the columns a, b, c, whose weights are given. */
SIMD_INLINE simd_byte depthwise_i8_pixel(struct lanes a, struct lanes b, struct lanes c, const simd_byte *weight,
                                         const uint8_t *bias, const uint8_t *scale, int two, struct simd_rounding to)
{
    simd_int sum[4];

    SIMD_UNROLL for (int i = 0; i < 4; i++) {
        sum[i] = (simd_int)depthwise_i8_constant(bias, i, two);
        sum[i] = lanes_dot(sum[i], lanes_split(a.words[i]), weight + i);
        sum[i] = lanes_dot(sum[i], lanes_split(b.words[i]), weight + 4 + i);
        sum[i] = lanes_dot(sum[i], lanes_split(c.words[i]), weight + 8 + i);
    }
    return depthwise_i8_bytes(sum, scale, two, to);
}

/* A row of 3 x 3 taps: weights and the columns of the window stay in registers. */
SIMD_INLINE void depthwise_i8_slide(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,
                                    const struct depthwise_i8_row *second, int stride, int two, int open)
{
    const struct simd_rounding to = depthwise_i8_rounding(p, open);
    const simd_byte border = depthwise_i8_load(row->border, row->border, two);
    const int channels = p->channels, width = p->width;
    const uint8_t *const bias = row->bias, *const scale = row->scale, *x[5];
    uint8_t *y = row->y + row->channel, *const end = y + p->out_width * channels;
    const long below = second->y - row->y;
    int step[5], ix = -p->pad_left;
    simd_byte weight[12];
    struct lanes a, b, c;

    SIMD_UNROLL for (int i = 0; i < 12; i++)
        weight[i] = depthwise_i8_constant(row->weight, i, two);
    SIMD_UNROLL for (int i = 0; i < 3; i++)
        x[i] = depthwise_i8_line(row, i), step[i] = row->step[i];
    SIMD_UNROLL for (int i = 0; i < 3; i++)
        if (two && i + stride >= 3)
            x[i + stride] = depthwise_i8_line(second, i), step[i + stride] = second->step[i];

#define DEPTHWISE_I8_COLUMN(v)                                                          \
    v = depthwise_i8_column(x, step, border, ix >= 0 && ix < width, stride, two); \
    ix++;
#define DEPTHWISE_I8_PIXEL(a, b, c)                                                                          \
    depthwise_i8_store(y, y + below, depthwise_i8_pixel(a, b, c, weight, bias, scale, two, to), two); \
    y += channels;                                                                                           \
    if (y == end)                                                                                            \
        return;
    DEPTHWISE_I8_COLUMN(a)
    if (stride == 1) {
        DEPTHWISE_I8_COLUMN(b)
        for (;;) {
            DEPTHWISE_I8_COLUMN(c) DEPTHWISE_I8_PIXEL(a, b, c)
            DEPTHWISE_I8_COLUMN(a) DEPTHWISE_I8_PIXEL(b, c, a)
            DEPTHWISE_I8_COLUMN(b) DEPTHWISE_I8_PIXEL(c, a, b)
        }
    }
    for (;;) {
        DEPTHWISE_I8_COLUMN(b) DEPTHWISE_I8_COLUMN(c) DEPTHWISE_I8_PIXEL(a, b, c)
        DEPTHWISE_I8_COLUMN(b) DEPTHWISE_I8_COLUMN(a) DEPTHWISE_I8_PIXEL(c, b, a)
    }
#undef DEPTHWISE_I8_COLUMN
#undef DEPTHWISE_I8_PIXEL
}
#endif

/* Four lines of a column woven, the last 4 - lines of them without meaning; x: of the row, and of the one in the second
 * half. `lines` and `two` are constants where this is inlined.
 */
SIMD_INLINE struct lanes depthwise_i8_woven(const uint8_t *x[2][4], int lines, int two)
{
    simd_byte in[4];

    SIMD_UNROLL for (int i = 0; i < lines; i++)
        in[i] = depthwise_i8_load(x[0][i], x[1][i], two);
    SIMD_UNROLL for (int i = lines; i < 4; i++)
        in[i] = in[lines % 2 ? lines - 1 : i - 2];
    return lanes_weave(in[0], in[1], in[2], in[3]);
}

/* What the words of a column give to the sums of one pixel; `line`: of the first weights. */
SIMD_INLINE void depthwise_i8_taps(simd_int *sum, struct lanes column, const uint8_t *weights, int line, int two)
{
    SIMD_UNROLL for (int i = 0; i < 4; i++) {
        simd_byte weight[LANES_LINES];
        SIMD_UNROLL for (int j = 0; j < LANES_LINES; j++)
            weight[j] = depthwise_i8_constant(weights, line + i * LANES_LINES + j, two);
        sum[i] = lanes_dot(sum[i], lanes_split(column.words[i]), weight);
        LANES_HERE(sum[i]);
    }
}

/* What up to four rows of a window, from row 4 * group on, give to the sums of a tile. */
SIMD_INLINE void depthwise_i8_group(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,
                                    const struct depthwise_i8_row *second, simd_int *sum, int ox, int group, int lines,
                                    int width, int stride, int two)
{
    const int left = ox * stride - p->pad_left, pixels = DEPTHWISE_I8_PIXELS;
    const uint8_t *weight = row->weight + group * width * 4 * LANES_LINES * DEPTHWISE_I8_CHUNK, *x[2][4];
    const simd_byte border = depthwise_i8_load(row->border, row->border, two);

    SIMD_UNROLL for (int i = 0; i < lines; i++) {
        x[0][i] = depthwise_i8_line(row, 4 * group + i) + left * row->step[4 * group + i];
        x[1][i] = depthwise_i8_line(second, 4 * group + i) + left * second->step[4 * group + i];
    }
    SIMD_UNROLL for (int column = 0; column < (pixels - 1) * stride + width; column++) {
        struct lanes v = {{border, border, border, border}};
        SIMD_OPAQUE(weight); /* else weights are kept for other columns, more of them than there are registers */
        if (__builtin_expect(left + column >= 0 && left + column < p->width, 1))
            v = depthwise_i8_woven(x, lines, two);
        SIMD_UNROLL for (int i = 0; i < lines; i++) {
            x[0][i] += row->step[4 * group + i];
            x[1][i] += second->step[4 * group + i];
        }
        SIMD_UNROLL for (int i = 0; i < pixels; i++)
            if (column >= i * stride && column < i * stride + width)
                depthwise_i8_taps(sum + 4 * i, v, weight, (column - i * stride) * 4 * LANES_LINES, two);
    }
}

/* A row in tiles of `pixels`; the last five are constants where this is inlined. */
SIMD_INLINE void depthwise_i8_tiles(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,
                                    const struct depthwise_i8_row *second, int height, int width, int stride, int two,
                                    int open)
{
    const struct simd_rounding to = depthwise_i8_rounding(p, open);
    const int pixels = DEPTHWISE_I8_PIXELS;

    for (int ox = 0; ox < p->out_width; ox += pixels) {
        simd_int sum[4 * DEPTHWISE_I8_PIXELS];
        SIMD_UNROLL for (int i = 0; i < 4 * pixels; i++)
            sum[i] = (simd_int)depthwise_i8_constant(row->bias, i % 4, two);
        for (int group = 0; group < height / 4; group++)
            depthwise_i8_group(p, row, second, sum, ox, group, 4, width, stride, two);
        if (height % 4)
            depthwise_i8_group(p, row, second, sum, ox, height / 4, height % 4, width, stride, two);
        SIMD_UNROLL for (int i = 0; i < pixels; i++)
            if (ox + i < p->out_width)
                depthwise_i8_store(row->y + row->channel + (ox + i) * p->channels,
                                   second->y + row->channel + (ox + i) * p->channels,
                                   depthwise_i8_bytes(sum + 4 * i, row->scale, two, to), two);
    }
}

/* A row pixel by pixel: any window, stride and dilation. */
SIMD_INLINE void depthwise_i8_pixels(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,
                                     const struct depthwise_i8_row *second, int two, int open)
{
    const struct simd_rounding to = depthwise_i8_rounding(p, open);
    const int groups = (p->kernel_height + 3) / 4;
    const simd_byte border = depthwise_i8_load(row->border, row->border, two);

    for (int ox = 0; ox < p->out_width; ox++) {
        simd_int sum[4];
        SIMD_UNROLL for (int i = 0; i < 4; i++)
            sum[i] = (simd_int)depthwise_i8_constant(row->bias, i, two);
        for (int tap = 0; tap < groups * p->kernel_width; tap++) {
            const int ix = ox * p->stride_x - p->pad_left + tap % p->kernel_width * p->dilation_x;
            const int line = tap / p->kernel_width * 4;
            struct lanes v = {{border, border, border, border}};
            if (ix >= 0 && ix < p->width) {
                const uint8_t *x[2][4];
                SIMD_UNROLL for (int i = 0; i < 4; i++) {
                    x[0][i] = depthwise_i8_line(row, line + i) + ix * row->step[line + i];
                    x[1][i] = depthwise_i8_line(second, line + i) + ix * second->step[line + i];
                }
                v = depthwise_i8_woven(x, 4, two);
            }
            depthwise_i8_taps(sum, v, row->weight, tap * 4 * LANES_LINES, two);
        }
        depthwise_i8_store(row->y + row->channel + ox * p->channels, second->y + row->channel + ox * p->channels,
                           depthwise_i8_bytes(sum, row->scale, two, to), two);
    }
}

/* Functions of their own for each window, so that their text is there once: for whole vectors, and for halves. */
#define DEPTHWISE_I8_WINDOW(name, along, ...)                                                                      \
    SIMD_OUTLINE void name(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,          \
                           const struct depthwise_i8_row *second)                                                  \
    {                                                                                                              \
        along(p, row, second, __VA_ARGS__);                                                                        \
    }
#define DEPTHWISE_I8_WINDOWS(name, along, ...)                        \
    DEPTHWISE_I8_WINDOW(name, along, __VA_ARGS__, 0, 0)               \
    DEPTHWISE_I8_WINDOW(name##_open, along, __VA_ARGS__, 0, 1)        \
    DEPTHWISE_I8_WINDOW(name##_halves, along, __VA_ARGS__, 1, 0)      \
    DEPTHWISE_I8_WINDOW(name##_halves_open, along, __VA_ARGS__, 1, 1)
#if SIMD_REGISTERS >= 32 && LANES_LINES == 1
DEPTHWISE_I8_WINDOWS(depthwise_i8_3x3, depthwise_i8_slide, 1)
DEPTHWISE_I8_WINDOWS(depthwise_i8_3x3_stride_2, depthwise_i8_slide, 2)
#else
DEPTHWISE_I8_WINDOWS(depthwise_i8_3x3, depthwise_i8_tiles, 3, 3, 1)
DEPTHWISE_I8_WINDOWS(depthwise_i8_3x3_stride_2, depthwise_i8_tiles, 3, 3, 2)
#endif
DEPTHWISE_I8_WINDOWS(depthwise_i8_5x5, depthwise_i8_tiles, 5, 5, 1)
DEPTHWISE_I8_WINDOWS(depthwise_i8_5x5_stride_2, depthwise_i8_tiles, 5, 5, 2)
DEPTHWISE_I8_WINDOW(depthwise_i8_any, depthwise_i8_pixels, 0, 0)
DEPTHWISE_I8_WINDOW(depthwise_i8_any_halves, depthwise_i8_pixels, 1, 0)

/* A row, or with `two` two half as wide, by the function for its window. */
SIMD_INLINE void depthwise_i8_along(const struct convolution_i8_parameters *p, const struct depthwise_i8_row *row,
                                    const struct depthwise_i8_row *second, int two)
{
    const int open = p->bounded && p->output_zero == 0 && p->minimum == 0 && p->maximum == 255;

#define DEPTHWISE_I8_TRY(size, stride, name)                                                                          \
    if (p->kernel_height == size && p->kernel_width == size && p->stride_x == stride && \
        p->stride_y == stride && p->dilation_x == 1 && p->dilation_y == 1) { \
        if (two && open)                                                                                              \
            name##_halves_open(p, row, second);                                                                       \
        else if (two)                                                                                                 \
            name##_halves(p, row, second);                                                                            \
        else if (open)                                                                                                \
            name##_open(p, row, second);                                                                              \
        else                                                                                                          \
            name(p, row, second);                                                                                     \
        return;                                                                                                       \
    }
    DEPTHWISE_I8_TRY(3, 1, depthwise_i8_3x3)
    DEPTHWISE_I8_TRY(3, 2, depthwise_i8_3x3_stride_2)
    DEPTHWISE_I8_TRY(5, 1, depthwise_i8_5x5)
    DEPTHWISE_I8_TRY(5, 2, depthwise_i8_5x5_stride_2)
#undef DEPTHWISE_I8_TRY
    if (two)
        depthwise_i8_any_halves(p, row, second);
    else
        depthwise_i8_any(p, row, second);
}

/* Where output row oy reads x and where it writes. */
static inline void depthwise_i8_begin(const struct convolution_i8_parameters *p, struct depthwise_i8_row *row,
                                      const uint8_t *x, uint8_t *y, const uint8_t *border, int base, int oy)
{
    for (int i = 0; i < (p->kernel_height + 3) / 4 * 4; i++) {
        const int iy = oy * p->stride_y - p->pad_top + i * p->dilation_y;
        const int inside = i < p->kernel_height && iy >= 0 && iy < p->height;
        row->x[i] = inside ? x + (iy - base) * p->width * p->channels : border;
        row->step[i] = inside ? p->channels : 0;
    }
    row->y = y;
    row->border = border;
}

SIMD_INLINE void depthwise_i8_simd(const struct convolution_i8_parameters *p, const uint8_t *x, const void *constants,
                                   uint8_t *y, void *workspace, int base, int first, int last, int from, int to)
{
    const int channels = p->channels, across = p->out_width * channels, chunk = DEPTHWISE_I8_CHUNK;
    const int chunks = (channels + chunk - 1) / chunk + (channels % DEPTHWISE_I8_LAST > 0), words = 4 * chunk;
    const int weights = (p->kernel_height + 3) / 4 * p->kernel_width * 4 * LANES_LINES * chunk;
    const uint8_t *const weight = (const uint8_t *)constants, *const bias = weight + chunks * weights;
    const int most = LANES_BYTES > DEPTHWISE_I8_LAST ? 2 : 1; /* rows at a time */
    uint8_t border[LANES_BYTES];
    struct depthwise_i8_row row[2];

    (void)workspace;
    DEPTHWISE_ASSERT(channels == p->outputs && p->kernel_height <= DEPTHWISE_I8_LINES && p->stride_y > 0);
    simd_byte_store(border, simd_byte_all((uint8_t)p->input_zero));
    for (int oy = first, rows; oy < last; oy += rows) {
        rows = last - oy < most ? last - oy : most;
        for (int i = 0; i < rows; i++)
            depthwise_i8_begin(p, row + i, x, y + (oy - first + i) * across, border, base, oy + i);
        for (int c = from, size; c < to; c += size) {
            const int halves = LANES_BYTES > DEPTHWISE_I8_LAST && (c % LANES_BYTES || c + LANES_BYTES > to);
            int begin, number, within;
            size = halves ? DEPTHWISE_I8_LAST : LANES_BYTES;
            /* The last ones overlap those before them: the same bits are stored again. */
            begin = c + size <= to ? c : to - size;
            number = begin == c ? c / chunk : chunks - 1;
            within = begin == c ? c % chunk : begin + DEPTHWISE_I8_LAST - channels;
            for (int i = 0; i < rows; i++) {
                row[i].weight = weight + number * weights + within;
                row[i].bias = bias + number * words + within;
                row[i].scale = row[i].bias + chunks * words;
                row[i].channel = begin;
            }
            if (halves)
                depthwise_i8_along(p, row, row + rows - 1, 1);
            else
                for (int i = 0; i < rows; i++)
                    depthwise_i8_along(p, row + i, row + i, 0);
        }
    }
}

#endif
