/* The matrix product of 8 bits behind pointwise, fully connected and standard convolutions: pixels times panels of weights.
 *
 * As panel_simd.h, with inputs in words of I8_GROUP (simd_i8.h). A pixel's inputs are `lines` runs of `words` words,
 * `line_step` inputs apart. They meet
 *   weights int8_t: panels [lines][words][PANEL][I8_GROUP], one after the other; the last is as wide as is left, filled up
 *     to a multiple of 8; zero where a run has no more inputs, so that its last word may reach beyond it
 *   bias int32_t, which holds (I8_OFFSET - zero point) * sum of weights, and scale float, both filled up to a multiple of 8
 * Sums are exact, so tiles may be cut anywhere.
 */
#ifndef DEPTHWISE_PANEL_I8_SIMD_H
#define DEPTHWISE_PANEL_I8_SIMD_H

#include "panel.h"
#include "simd_i8.h"

/* Runs of this many bytes of inputs pass through all panels before the next: they stay in the second-level cache. */
#define PANEL_I8_BLOCK 262144

/* Inputs that must be brought into another form first are so in runs of this many bytes, or of one tile. */
#define PANEL_I8_PREPARED 65536

/* Products of at most so many words are unrolled where they are called, if their sizes are constants, in tiles of so many
 * pixels: for so few words the way from sums to bytes is long, and must overlap with the products of further tiles. Pairs of 16 bits
 * would be widened once for all tiles, and spilled.
 */
#if defined(DEPTHWISE_AVX512VNNI)
#define PANEL_I8_SHORT 24
#else
#define PANEL_I8_SHORT 0
#endif
#define PANEL_I8_SHORT_ROWS(words, outputs) ((words) <= 2 || (outputs) <= 16 ? 8 : 4)
#define PANEL_I8_UNROLL _Pragma("GCC unroll 24")

/* Weights are fetched so many bytes ahead: see PANEL_AHEAD. */
#define PANEL_I8_AHEAD 8192

/* What the sums of a tile may need on their way to bytes. */
enum panel_i8_kind {
    PANEL_I8_ANY,
    PANEL_I8_BOUNDED, /* no sum times its scale reaches 2^31 */
    PANEL_I8_BARE     /* neither does one, the zero point is 0, and there is no clip */
};

/* One product. x of pixel i begins at x + i * pixel_step; y is [pixels][outputs], of which from .. to - 1 are made. */
struct panel_i8_job {
    const I8_INPUT *x;
    int pixels, pixel_step;      /* pixels, inputs from one to the next */
    int lines, words, line_step; /* runs of inputs, words in a run, inputs from one to the next */
    const int8_t *weights;
    const int32_t *bias;
    const float *scale;
    uint8_t *y;
    int outputs, from, to; /* from: a multiple of PANEL */
    struct simd_rounding rounding;
};

/* Sizes of a product that is to be unrolled, as in its job, all constants; lines is 0 for one in loops. */
struct panel_i8_known {
    int lines, words;
};

/* `tiles` tiles of pixels, one after the other, from x and y on, with the outputs from `output` on: their weights begin
 * at w with `step` bytes from one word to the next.
 */
struct panel_i8_part {
    const I8_INPUT *x;
    const int8_t *w;
    uint8_t *y;
    int tiles, output, step;
};

/* A word of a pixel, or one of weights for each lane; and the sums of half a vector, where a vector is wider than a unit. */
#if defined(DEPTHWISE_NEON) && I8_GROUP == 1
typedef int16x4_t panel_i8_word;
#else
typedef simd_int panel_i8_word;
#endif
#if SIMD_WIDTH > PANEL_UNIT
typedef int32_t panel_i8_half __attribute__((vector_size(4 * SIMD_WIDTH / 2)));
#else
typedef simd_int panel_i8_half;
#endif

/* The sums of a tile: pixels times whole vectors, and half a vector where that is what is left of the outputs. */
struct panel_i8_sums {
    simd_int whole[SIMD_ROWS][SIMD_VECTORS];
    panel_i8_half half[SIMD_ROWS];
};

/* A word of inputs in every lane. */
SIMD_INLINE panel_i8_word panel_i8_inputs(const I8_INPUT *x)
{
#if defined(DEPTHWISE_NEON) && I8_GROUP == 1
    return vld1_dup_s16(x);
#else
    int32_t word;
    __builtin_memcpy(&word, x, sizeof word);
    return simd_int_all(word);
#endif
}

/* The weights of a word for SIMD_WIDTH outputs. */
SIMD_INLINE panel_i8_word panel_i8_weights(const int8_t *w)
{
#if I8_GROUP == 4
    return simd_int_load((const int32_t *)w);
#elif I8_GROUP == 2
    return (simd_int)simd_short_from_weights(w);
#else
    int32_t four;
    __builtin_memcpy(&four, w, sizeof four);
    return vget_low_s16(vmovl_s8(vcreate_s8((uint32_t)four)));
#endif
}

/* sum + the products of a word. */
SIMD_INLINE simd_int panel_i8_dot(simd_int sum, panel_i8_word x, panel_i8_word w)
{
#if defined(DEPTHWISE_AVX512VNNI)
    return (simd_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
#elif defined(DEPTHWISE_AVXVNNI) && defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return (simd_int)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
#elif defined(DEPTHWISE_AVXVNNI)
    return (simd_int)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
#elif defined(DEPTHWISE_NEONDOT)
    return (simd_int)vdotq_s32((int32x4_t)sum, (int8x16_t)w, (int8x16_t)x);
#elif I8_GROUP == 1
    return (simd_int)vmlal_s16((int32x4_t)sum, w, x);
#else
    return simd_pairs(sum, (simd_short)x, (simd_short)w);
#endif
}

/* The same for half a vector. */
SIMD_INLINE panel_i8_half panel_i8_half_load(const void *from)
{
    panel_i8_half v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

SIMD_INLINE panel_i8_half panel_i8_half_inputs(const I8_INPUT *x)
{
    int32_t word;
    __builtin_memcpy(&word, x, sizeof word);
    return word - (panel_i8_half){0};
}

SIMD_INLINE panel_i8_half panel_i8_half_weights(const int8_t *w)
{
#if I8_GROUP == 4
    return panel_i8_half_load(w);
#elif defined(DEPTHWISE_AVX512)
    return (panel_i8_half)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
#else
    int16_t shorts[sizeof(panel_i8_half) / 2];
    for (int i = 0; i < (int)sizeof(panel_i8_half) / 2; i++)
        shorts[i] = w[i];
    return panel_i8_half_load(shorts);
#endif
}

SIMD_INLINE panel_i8_half panel_i8_half_dot(panel_i8_half sum, panel_i8_half x, panel_i8_half w)
{
#if defined(DEPTHWISE_AVX512VNNI)
    return (panel_i8_half)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
#elif defined(DEPTHWISE_AVX512)
    return (panel_i8_half)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)x, (__m256i)w));
#else
    typedef uint32_t words __attribute__((vector_size(sizeof(panel_i8_half))));
    const panel_i8_half even = (x << 16 >> 16) * (w << 16 >> 16), odd = (x >> 16) * (w >> 16);
    return (panel_i8_half)((words)sum + (words)even + (words)odd);
#endif
}

/* The first half of a vector, and one whose first half is given. */
SIMD_INLINE panel_i8_half panel_i8_low(panel_i8_word v)
{
#if defined(DEPTHWISE_AVX512)
    return (panel_i8_half)_mm512_castsi512_si256((__m512i)v);
#else
    panel_i8_half low = {0};
    __builtin_memcpy(&low, &v, sizeof low < sizeof v ? sizeof low : sizeof v);
    return low;
#endif
}

SIMD_INLINE simd_int panel_i8_widened(panel_i8_half low)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_int)_mm512_castsi256_si512((__m256i)low);
#else
    simd_int v = {0};
    __builtin_memcpy(&v, &low, sizeof low);
    return v;
#endif
}

/* A vector of two halves. */
SIMD_INLINE simd_int panel_i8_joined(panel_i8_half low, panel_i8_half high)
{
#if defined(DEPTHWISE_AVX512)
    return (simd_int)_mm512_inserti64x4(_mm512_castsi256_si512((__m256i)low), (__m256i)high, 1);
#else
    simd_int v = {0};
    __builtin_memcpy(&v, &low, sizeof v / 2);
    __builtin_memcpy((char *)&v + sizeof v / 2, &high, sizeof v / 2);
    return v;
#endif
}

/* One word of every pixel. */
SIMD_INLINE void panel_i8_step(struct panel_i8_sums *sums, struct panel_inputs *in, const int8_t *w, int rows, int whole,
                               int half)
{
    const panel_i8_half last = half ? panel_i8_half_weights(w + whole * SIMD_WIDTH * I8_GROUP) : (panel_i8_half){0};
    panel_i8_word weight[SIMD_VECTORS];

    SIMD_UNROLL for (int v = 0; v < whole; v++)
        weight[v] = panel_i8_weights(w + v * SIMD_WIDTH * I8_GROUP);
    SIMD_UNROLL for (int r = 0; r < rows; r++) {
        const I8_INPUT *const x = (const I8_INPUT *)(in->at[panel_near(r)] + (r - 3 * panel_near(r)) * in->across);
        if (whole) {
            const panel_i8_word word = panel_i8_inputs(x);
            SIMD_UNROLL for (int v = 0; v < whole; v++)
                sums->whole[r][v] = panel_i8_dot(sums->whole[r][v], word, weight[v]);
            if (half)
                sums->half[r] = panel_i8_half_dot(sums->half[r], panel_i8_low(word), last);
        } else {
            sums->half[r] = panel_i8_half_dot(sums->half[r], panel_i8_half_inputs(x), last);
        }
    }
    panel_move(in, rows, sizeof(I8_INPUT) * I8_GROUP);
}

/* Stores of the bytes of a vector those from `at` on, `width` of them or, if these are fewer, `count`. */
SIMD_INLINE void panel_i8_store(uint8_t *to, simd_byte v, int at, int width, int count)
{
#if defined(DEPTHWISE_AVX512)
    const __m256i part = at < 32 ? _mm512_castsi512_si256((__m512i)v) : _mm512_extracti64x4_epi64((__m512i)v, 1);
    const __m128i low = at % 32 >= 16 ? _mm256_extracti128_si256(part, 1) : _mm256_castsi256_si128(part);
    if (count < width) {
        if (at % 32)
            _mm_mask_storeu_epi8(to, (__mmask16)((1u << count) - 1), at % 16 ? _mm_srli_si128(low, 8) : low);
        else
            _mm256_mask_storeu_epi8(to, (__mmask32)((1u << count) - 1), part);
    } else if (width == 32) {
        _mm256_storeu_si256((__m256i *)to, part);
    } else if (width == 8 && at % 16) {
        _mm_storeh_pd((double *)to, _mm_castsi128_pd(low));
    } else if (width == 8) {
        _mm_storel_epi64((__m128i *)to, low);
    } else {
        _mm_storeu_si128((__m128i *)to, low);
        if (width == 24)
            _mm_storel_epi64((__m128i *)(to + 16), _mm256_extracti128_si256(part, 1));
    }
#else
    typedef uint64_t eights __attribute__((vector_size(4 * SIMD_WIDTH)));
    if (count < width) {
        uint8_t bytes[4 * SIMD_WIDTH];
        simd_byte_store(bytes, v);
        __builtin_memcpy(to, bytes + at, (unsigned)count);
        return;
    }
    for (int i = 0; i < width / 8; i++) {
        const uint64_t eight = ((eights)v)[at / 8 + i];
        __builtin_memcpy(to + 8 * i, &eight, sizeof eight);
    }
#endif
}

/* The sums of vector v of a pixel, or of two pixels with half a vector each, as integers. */
SIMD_INLINE simd_int panel_i8_rounded(const struct panel_i8_sums *sums, const float *scale, int row, int next, int v,
                                      int whole, struct simd_rounding rounding)
{
    const panel_i8_half half = panel_i8_half_load(scale + v * SIMD_WIDTH);

    if (v < whole)
        return simd_rounded(sums->whole[row][v], simd_load(scale + v * SIMD_WIDTH), rounding);
    if (whole)
        return simd_rounded(panel_i8_widened(sums->half[row]), (simd)panel_i8_widened(half), rounding);
    return simd_rounded(panel_i8_joined(sums->half[row], sums->half[next]), (simd)panel_i8_joined(half, half), rounding);
}

/* Stores the outputs of a tile at y, as many pixels at once as fill a vector of bytes. */
SIMD_INLINE void panel_i8_finish(const struct panel_i8_job *job, const struct panel_i8_sums *sums, uint8_t *y, int output,
                                 int rows, int whole, int half, struct simd_rounding rounding)
{
    const int vectors = whole + half, pixels = whole ? 4 / vectors : 8, width = whole * SIMD_WIDTH + half * SIMD_WIDTH / 2;
    const int outputs = job->outputs, left = job->to - output, apart = 4 * SIMD_WIDTH / pixels;

    SIMD_UNROLL for (int r = 0; r < rows; r += pixels) {
        simd_int q[4];
        SIMD_UNROLL for (int i = 0; i < 4; i++) {
            const int wanted = r + i * pixels / 4, row = wanted < rows ? wanted : rows - 1;
            q[i] = panel_i8_rounded(sums, job->scale + output, row, row + 1 < rows ? row + 1 : row, i % vectors, whole, rounding);
        }
        const simd_byte bytes = simd_bytes(q[0], q[1], q[2], q[3], rounding);
        if (outputs == width && apart == width && left == width && r + pixels <= rows)
            simd_byte_store(y + r * outputs, bytes);
        else
            SIMD_UNROLL for (int i = 0; i < pixels; i++)
                if (r + i < rows)
                    panel_i8_store(y + (r + i) * outputs, bytes, i * apart, width, left);
    }
}

/* How the sums of a tile become bytes. What is not known is read here, since constants would take registers from sums. */
SIMD_INLINE struct simd_rounding panel_i8_rounding(const struct panel_i8_job *job, int kind)
{
    struct simd_rounding rounding = job->rounding;

    if (kind == PANEL_I8_BARE)
        return (struct simd_rounding){0, 0, 255, 1};
    if (!__builtin_constant_p(rounding.zero))
        SIMD_OPAQUE(rounding.zero);
    if (!__builtin_constant_p(rounding.minimum))
        SIMD_OPAQUE(rounding.minimum);
    if (!__builtin_constant_p(rounding.maximum))
        SIMD_OPAQUE(rounding.maximum);
    rounding.bounded = kind == PANEL_I8_BOUNDED;
    return rounding;
}

/* The tiles of a part, each of `rows` pixels times `units` units of outputs: constants where this is inlined, so that
 * the sums live in registers. Loops over `known` sizes are unrolled.
 */
SIMD_INLINE void panel_i8_tiles(const struct panel_i8_job *job, struct panel_i8_part part, int rows, int units, int kind,
                                struct panel_i8_known known)
{
    const int whole = units * PANEL_UNIT / SIMD_WIDTH, half = units * PANEL_UNIT % SIMD_WIDTH != 0;
    const intptr_t down = ((intptr_t)job->line_step - job->words * I8_GROUP) * (intptr_t)sizeof(I8_INPUT);
    const int32_t *const bias = job->bias + part.output;
    struct panel_inputs in = {.across = (intptr_t)job->pixel_step * (intptr_t)sizeof(I8_INPUT)};

    part.y += part.output;
    for (; part.tiles > 0; part.tiles--) {
        const int8_t *w = part.w;
        struct panel_i8_sums sums;

        SIMD_OPAQUE(w); /* else unrolled loops keep all weights over all tiles, in memory */
        SIMD_UNROLL for (int i = 0; 3 * i < rows; i++) {
            in.at[i] = (const char *)part.x + 3 * i * in.across;
            SIMD_OPAQUE(in.at[i]); /* else the compiler keeps an address for every pixel, and spills them */
        }
        SIMD_UNROLL for (int r = 0; r < rows; r++) {
            SIMD_UNROLL for (int v = 0; v < whole; v++)
                sums.whole[r][v] = simd_int_load(bias + v * SIMD_WIDTH);
            if (half)
                sums.half[r] = panel_i8_half_load(bias + whole * SIMD_WIDTH);
        }
        SIMD_UNROLL for (int line = 0; line < known.lines; line++) {
            PANEL_I8_UNROLL for (int k = 0; k < known.words; k++, w += part.step)
                panel_i8_step(&sums, &in, w, rows, whole, half);
            panel_move(&in, rows, down);
        }
        for (int line = known.lines; line < job->lines; line++) {
            for (int k = 0; k < job->words; k++, w += part.step) {
                SIMD_FETCH(w + PANEL_I8_AHEAD);
                if (units * PANEL_UNIT * I8_GROUP > 64)
                    SIMD_FETCH(w + PANEL_I8_AHEAD + 64);
                panel_i8_step(&sums, &in, w, rows, whole, half);
            }
            panel_move(&in, rows, down);
        }
        panel_i8_finish(job, &sums, part.y, part.output, rows, whole, half, panel_i8_rounding(job, kind));
        part.x += rows * job->pixel_step;
        part.y += rows * job->outputs;
    }
}

/* The tiles that exist, out of line, since their loops are most of the text: panel_i8_ROWS_UNITS_KIND. Those that a program
 * never needs are dropped from it.
 */
#define PANEL_I8_TILE(rows, units, kind)                                                                                 \
    SIMD_OUTLINE void panel_i8_##rows##_##units##_##kind(const struct panel_i8_job *job, struct panel_i8_part part) \
    {                                                                                                                  \
        panel_i8_tiles(job, part, rows, units, kind, (struct panel_i8_known){0, 0});                                \
    }
#define PANEL_I8_KINDS(rows, units) PANEL_I8_TILE(rows, units, 0) PANEL_I8_TILE(rows, units, 1) PANEL_I8_TILE(rows, units, 2)
#define PANEL_I8_PICK(rows, units)                                    \
    if (kind == PANEL_I8_BARE)                                        \
        panel_i8_##rows##_##units##_2(job, part);                     \
    else if (kind == PANEL_I8_BOUNDED)                                \
        panel_i8_##rows##_##units##_1(job, part);                     \
    else                                                              \
        panel_i8_##rows##_##units##_0(job, part);
#if SIMD_VECTORS * SIMD_WIDTH > 16
#define PANEL_I8_TILES(rows) \
    PANEL_I8_KINDS(rows, 1) PANEL_I8_KINDS(rows, 2) PANEL_I8_KINDS(rows, 3) PANEL_I8_KINDS(rows, 4)
#define PANEL_I8_CASE(rows)        \
    case rows:                     \
        if (units == 1) {          \
            PANEL_I8_PICK(rows, 1) \
        } else if (units == 2) {   \
            PANEL_I8_PICK(rows, 2) \
        } else if (units == 3) {   \
            PANEL_I8_PICK(rows, 3) \
        } else {                   \
            PANEL_I8_PICK(rows, 4) \
        }                          \
        break;
#else
#define PANEL_I8_TILES(rows) PANEL_I8_KINDS(rows, 1) PANEL_I8_KINDS(rows, 2)
#define PANEL_I8_CASE(rows)        \
    case rows:                     \
        if (units == 1) {          \
            PANEL_I8_PICK(rows, 1) \
        } else {                   \
            PANEL_I8_PICK(rows, 2) \
        }                          \
        break;
#endif

PANEL_ROWS(PANEL_I8_TILES)

/* Runs a part whose tiles have `rows` pixels and `units` units of outputs, out of line unless its sizes are `known`. */
SIMD_INLINE void panel_i8_run(const struct panel_i8_job *job, struct panel_i8_part part, int rows, int units, int kind,
                              struct panel_i8_known known)
{
    if (known.lines) {
        panel_i8_tiles(job, part, rows, units, kind, known);
        return;
    }
    switch (rows) {
        PANEL_ROWS(PANEL_I8_CASE)
    }
}

/* A block of pixels with `units` units of a panel of `step`, from `unit` on. */
SIMD_INLINE void panel_i8_units(const struct panel_i8_job *job, struct panel_pixels block, int panel, int step, int unit,
                                int units, int kind, struct panel_i8_known known)
{
    const int before = block.longer * (block.rows + 1);
    struct panel_i8_part part = {
        .x = job->x + block.pixel * job->pixel_step,
        .w = job->weights + (panel * job->lines * job->words + unit * PANEL_UNIT) * I8_GROUP,
        .y = job->y + block.pixel * job->outputs,
        .tiles = block.longer,
        .output = panel + unit * PANEL_UNIT,
        .step = step * PANEL_UNIT * I8_GROUP,
    };

    if (block.longer > 0)
        panel_i8_run(job, part, block.rows + 1, units, kind, known);
    part.x += before * job->pixel_step;
    part.y += before * job->outputs;
    part.tiles = block.tiles - block.longer;
    if (part.tiles > 0)
        panel_i8_run(job, part, block.rows, units, kind, known);
}

/* A block of pixels through the panels of the outputs from .. to - 1 of `outputs`; a tile computes PANEL_UNITS at most. */
SIMD_INLINE void panel_i8_columns(const struct panel_i8_job *job, struct panel_pixels block, int outputs, int kind,
                                  struct panel_i8_known known)
{
    for (int panel = job->from, to = job->to; panel < to; panel += PANEL) {
        const int step = outputs - panel >= PANEL ? PANEL / PANEL_UNIT : panel_filled(outputs % PANEL) / PANEL_UNIT;
        const int left = outputs - panel >= PANEL ? PANEL / PANEL_UNIT % PANEL_UNITS : step % PANEL_UNITS;
        for (int unit = 0; unit + PANEL_UNITS <= step; unit += PANEL_UNITS)
            panel_i8_units(job, block, panel, step, unit, PANEL_UNITS, kind, known);
        if (left > 0)
            panel_i8_units(job, block, panel, step, step - left, left, kind, known);
    }
}

/* The whole job, a block of pixels after the other. The tiles are those that suit a map of `total` pixels: nearly equal
 * ones, so that the last is as full as the others, however few pixels of the map are asked for; so there are two sizes of
 * them. What they leave is done by one that overlaps the one before it.
 */
SIMD_INLINE void panel_i8_product(struct panel_i8_job job, int total)
{
    const struct simd_rounding to = job.rounding;
    const int bare = to.bounded && to.zero == 0 && to.minimum == 0 && to.maximum == 255;
    const int kind = bare ? PANEL_I8_BARE : to.bounded ? PANEL_I8_BOUNDED : PANEL_I8_ANY;
    const int outputs = job.outputs, pixels = job.pixels, words = job.lines * job.words;
    const int few = __builtin_constant_p(total) && __builtin_constant_p(words) && words <= PANEL_I8_SHORT;
    const int most = few ? PANEL_I8_SHORT_ROWS(words, outputs) : SIMD_ROWS, least = (total + most - 1) / most;
    const int rows = !few ? total / least : total < most ? total : most;
    const int tiles = pixels / rows, rest = pixels % rows;
    const int longer = !few && total % rows > 0 && rest <= tiles ? rest : 0;
    const int fit = PANEL_I8_BLOCK / (job.pixel_step * (int)sizeof(I8_INPUT) * rows), block = fit > 1 ? fit : 1;
    const struct panel_i8_known known = {few ? job.lines : 0, few ? job.words : 0};

    DEPTHWISE_ASSERT(words > 0 && pixels >= 0 && job.from % PANEL == 0 && job.to <= outputs);
    for (int tile = 0; tile < tiles; tile += block) {
        const int count = tiles - tile < block ? tiles - tile : block, after = longer - tile;
        const int more = longer == 0 || after < 0 ? 0 : after < count ? after : count;
        const struct panel_pixels here = {tile * rows + (tile < longer ? tile : longer), count, rows, more};
        panel_i8_columns(&job, here, outputs, kind, known);
    }
    if (rest > longer && tiles > 0)
        panel_i8_columns(&job, (struct panel_pixels){pixels - rows, 1, rows, 0}, outputs, kind, known);
    else if (rest > longer)
        panel_i8_columns(&job, (struct panel_pixels){0, rest, 1, 0}, outputs, kind, known);
}

/* `count` bytes as inputs of a product. */
SIMD_INLINE void panel_i8_prepare(I8_INPUT *to, const uint8_t *from, int count)
{
    if (I8_DIRECT)
        __builtin_memcpy(to, from, (unsigned)count);
    else
        for (int i = 0; i < count; i++)
            to[i] = (I8_INPUT)(from[i] - I8_OFFSET);
}

#endif
