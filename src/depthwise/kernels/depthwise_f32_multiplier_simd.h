/* Depthwise convolution with a multiplier m = outputs / channels above 1, with vectors of input channels.
 *   x [height][width][channels]
 *   constants: weight [kernel_height][kernel_width][m][channels], bias [m][channels]
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 * Output channel o reads input channel o / m. Each output is bias + sum over the taps inside the map, top to bottom and
 * left to right, one multiply-add each.
 */
#ifndef DEPTHWISE_DEPTHWISE_F32_MULTIPLIER_SIMD_H
#define DEPTHWISE_DEPTHWISE_F32_MULTIPLIER_SIMD_H

#include "simd.h"
#include "window.h"

/* One pixel, one output each of `count` input channels, stored m floats apart; v, h: its taps; x: under the first of
 * them; w: at the first tap of the kernel.
 */
SIMD_INLINE void multiplier_part(const struct convolution_parameters *p, const float *x, const float *w,
                                 const float *bias, float *y, struct taps v, struct taps h, int count)
{
    const int right = p->dilation_x * p->channels, down = p->dilation_y * p->width * p->channels;
    const int multiplier = p->outputs / p->channels;
    float lanes[SIMD_WIDTH];
    simd sum = simd_load_part(bias, count);

    w += (v.first * p->kernel_width + h.first) * p->outputs;
    for (int ky = v.first; ky < v.last; ky++, x += down, w += p->kernel_width * p->outputs)
        for (int kx = 0; kx < h.last - h.first; kx++)
            sum = simd_fma(simd_load_part(w + kx * p->outputs, count), simd_load_part(x + kx * right, count), sum);
    simd_store(lanes, simd_clip(sum, simd_all(p->minimum), simd_all(p->maximum)));
    for (int i = 0; i < count; i++)
        y[i * multiplier] = lanes[i];
}

/* All outputs of one pixel. */
static inline void multiplier_pixel(const struct convolution_parameters *p, const float *x, const float *constants,
                                    float *y, struct taps v, struct taps h)
{
    const float *bias = constants + p->kernel_height * p->kernel_width * p->outputs;
    const int multiplier = p->outputs / p->channels;

    for (int member = 0; member < multiplier; member++) {
        const int from = member * p->channels;
        int c = 0;
        for (; c + SIMD_WIDTH <= p->channels; c += SIMD_WIDTH)
            multiplier_part(p, x + c, constants + from + c, bias + from + c, y + c * multiplier + member, v, h,
                            SIMD_WIDTH);
        if (c < p->channels)
            multiplier_part(p, x + c, constants + from + c, bias + from + c, y + c * multiplier + member, v, h,
                            p->channels - c);
    }
}

static inline void depthwise_f32_multiplier_simd(const struct convolution_parameters *p, const float *x,
                                                 const float *constants, float *y, float *workspace, int base,
                                                 int first, int last)
{
    struct convolution_parameters open = *p; /* other activation functions pass over the finished rows */
    float *const start = y;

    (void)workspace;
    DEPTHWISE_ASSERT(p->outputs % p->channels == 0);
    if (p->activation != ACTIVATION_CLIP) {
        open.minimum = -UNBOUNDED;
        open.maximum = UNBOUNDED;
    }
    for (int oy = first; oy < last; oy++) {
        const struct taps v = taps_inside(oy * p->stride_y - p->pad_top, p->kernel_height, p->dilation_y, p->height);
        for (int ox = 0; ox < p->out_width; ox++, y += p->outputs) {
            const struct taps h = taps_inside(ox * p->stride_x - p->pad_left, p->kernel_width, p->dilation_x, p->width);
            multiplier_pixel(&open, x + ((v.start - base) * p->width + h.start) * p->channels, constants, y, v, h);
        }
    }
    if (p->activation != ACTIVATION_CLIP)
        simd_activate_all(start, (last - first) * p->out_width * p->outputs, p->activation, p->minimum, p->maximum);
}

#endif
