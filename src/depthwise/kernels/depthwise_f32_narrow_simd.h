/* Depthwise convolution with multiplier 1 and fewer channels than a vector has lanes; any window, stride, dilation.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][channels], bias [channels]
 *   y [.][out_width][channels], rows first .. last - 1; workspace: none
 * Each output is bias + sum over the taps inside the map, top to bottom and left
 * to right, one multiply-add each.
 */
#ifndef DEPTHWISE_DEPTHWISE_F32_NARROW_SIMD_H
#define DEPTHWISE_DEPTHWISE_F32_NARROW_SIMD_H

#include "simd.h"
#include "window.h"

/* A pixel's channels take vectors of NARROW_WIDTH lanes: those of AVX-512 would cross a cache line at every other pixel. */
#if defined(DEPTHWISE_AVX512)
#define NARROW_WIDTH 8
typedef __m256 narrow;
#else
#define NARROW_WIDTH SIMD_WIDTH
typedef simd narrow;
#endif

/* Neighbouring output pixels whose sums are carried at once by narrow_tiles. */
#define NARROW_PIXELS 4

/* The first `count` lanes from any address, 0 < count <= NARROW_WIDTH. */
SIMD_INLINE narrow narrow_load(const float *from, int count)
{
#if defined(DEPTHWISE_AVX512)
    if (count == NARROW_WIDTH)
        return _mm256_loadu_ps(from);
    return _mm256_maskz_loadu_ps((__mmask8)((1u << count) - 1), from);
#else
    return simd_load_part(from, count);
#endif
}

/* The first `count` lanes, clipped, to any address. */
SIMD_INLINE void narrow_store(float *to, narrow v, int count, float minimum, float maximum)
{
#if defined(DEPTHWISE_AVX512)
    v = _mm256_min_ps(_mm256_set1_ps(maximum), _mm256_max_ps(_mm256_set1_ps(minimum), v));
    if (count == NARROW_WIDTH)
        _mm256_storeu_ps(to, v);
    else
        _mm256_mask_storeu_ps(to, (__mmask8)((1u << count) - 1), v);
#else
    simd_store_part(to, simd_clip(v, simd_all(minimum), simd_all(maximum)), count);
#endif
}

/* a * b + c, as simd_fma. */
SIMD_INLINE narrow narrow_fma(narrow a, narrow b, narrow c)
{
#if defined(DEPTHWISE_AVX512)
    return _mm256_fmadd_ps(a, b, c);
#else
    return simd_fma(a, b, c);
#endif
}

/* `tiles` times NARROW_PIXELS pixels of a 3 x 3 window which lies inside the map.
 * x: the input under the first tap of the first pixel; `count` channels from there on. `stride` is a constant where
 * this is inlined.
 */
SIMD_INLINE void narrow_tiles(const struct convolution_parameters *p, const float *x, const float *constants, float *y,
                              int count, int tiles, int stride)
{
    const int channels = p->channels, down = p->width * channels;
    const float minimum = p->minimum, maximum = p->maximum;
    const narrow bias = narrow_load(constants + 9 * channels, count);

    for (; tiles > 0; tiles--, x += NARROW_PIXELS * stride * channels, y += NARROW_PIXELS * channels) {
        narrow sum[NARROW_PIXELS];
        SIMD_UNROLL for (int i = 0; i < NARROW_PIXELS; i++)
            sum[i] = bias;
        SIMD_UNROLL for (int ky = 0; ky < 3; ky++) {
            const float *w = constants + 3 * ky * channels;
            narrow weight[3];
            SIMD_OPAQUE(w); /* else the compiler keeps all nine weights, and spills them where there are 16 registers */
            SIMD_UNROLL for (int kx = 0; kx < 3; kx++)
                weight[kx] = narrow_load(w + kx * channels, count);
            /* Each input is loaded once for all pixels whose windows hold it. */
            SIMD_UNROLL for (int column = 0; column < (NARROW_PIXELS - 1) * stride + 3; column++) {
                const narrow in = narrow_load(x + ky * down + column * channels, count);
                SIMD_UNROLL for (int i = 0; i < NARROW_PIXELS; i++)
                    if (column >= i * stride && column < i * stride + 3)
                        sum[i] = narrow_fma(weight[column - i * stride], in, sum[i]);
            }
        }
        SIMD_UNROLL for (int i = 0; i < NARROW_PIXELS; i++)
            narrow_store(y + i * channels, sum[i], count, minimum, maximum);
    }
}

/* `count` channels of one pixel with the taps v and h. x: the input under the first of them. */
SIMD_INLINE void narrow_pixel(const struct convolution_parameters *p, const float *x, const float *constants, float *y,
                              int count, struct taps v, struct taps h)
{
    const int channels = p->channels, right = p->dilation_x * channels, down = p->dilation_y * p->width * channels;
    narrow sum = narrow_load(constants + p->kernel_height * p->kernel_width * channels, count);

    for (int ky = v.first; ky < v.last; ky++, x += down) {
        const float *w = constants + (ky * p->kernel_width + h.first) * channels;
        for (int kx = 0; kx < h.last - h.first; kx++, w += channels)
            sum = narrow_fma(narrow_load(w, count), narrow_load(x + kx * right, count), sum);
    }
    narrow_store(y, sum, count, p->minimum, p->maximum);
}

/* How many tiles fit from output column `ox` on into a row whose window has its rows inside the map. */
static inline int narrow_count(const struct convolution_parameters *p, int ox)
{
    const int left = ox * p->stride_x - p->pad_left, room = p->width - left - 3;
    const int pixels = room < 0 ? 0 : room / p->stride_x + 1, rest = p->out_width - ox;

    if (p->kernel_height != 3 || p->kernel_width != 3 || p->dilation_y != 1 || p->dilation_x != 1 || left < 0)
        return 0;
    if (p->stride_x != 1 && p->stride_x != 2)
        return 0;
    return (pixels < rest ? pixels : rest) / NARROW_PIXELS;
}

/* The output row y of `count` channels whose window begins `top` rows into the map. */
SIMD_INLINE void narrow_row(const struct convolution_parameters *p, const float *x, const float *constants, float *y,
                            int count, int base, int top)
{
    const struct taps v = taps_inside(top, p->kernel_height, p->dilation_y, p->height);
    int ox = 0;

    while (ox < p->out_width) {
        const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, p->dilation_x, p->width);
        const float *in = x + ((v.start - base) * p->width + h.start) * p->channels;
        const int tiles = v.last - v.first == 3 ? narrow_count(p, ox) : 0;
        if (tiles && p->stride_x == 1)
            narrow_tiles(p, in, constants, y + ox * p->channels, count, tiles, 1);
        else if (tiles)
            narrow_tiles(p, in, constants, y + ox * p->channels, count, tiles, 2);
        else
            narrow_pixel(p, in, constants, y + ox * p->channels, count, v, h);
        ox += tiles ? tiles * NARROW_PIXELS : 1;
    }
}

static inline void depthwise_f32_narrow_simd(const struct convolution_parameters *p, const float *x,
                                             const float *constants, float *y, float *workspace, int base, int first,
                                             int last)
{
    const int row = p->out_width * p->channels;
    struct convolution_parameters open = *p; /* other activation functions pass over the finished rows */

    (void)workspace;
    DEPTHWISE_ASSERT(p->channels == p->outputs && p->channels < SIMD_WIDTH);
    if (p->activation != ACTIVATION_CLIP) {
        open.minimum = -UNBOUNDED;
        open.maximum = UNBOUNDED;
    }
    for (int oy = first; oy < last; oy++)
        for (int c = 0; c < p->channels; c += NARROW_WIDTH) {
            const int count = p->channels - c < NARROW_WIDTH ? p->channels - c : NARROW_WIDTH;
            float *to = y + (oy - first) * row + c;
            narrow_row(&open, x + c, constants + c, to, count, base, oy * p->stride_y - p->pad_top);
        }
    if (p->activation != ACTIVATION_CLIP)
        simd_activate_all(y, (last - first) * row, p->activation, p->minimum, p->maximum);
}

#endif
