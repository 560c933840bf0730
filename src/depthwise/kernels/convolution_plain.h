/* Convolution in plain C over float or camera pixels: the body of convolution_f32.h and convolution_u8_f32.h. */
#ifndef DEPTHWISE_CONVOLUTION_PLAIN_H
#define DEPTHWISE_CONVOLUTION_PLAIN_H

#include "activation.h"

/* Element `index` of a map of bytes (`camera`) or floats; `camera` is a constant wherever this is inlined. */
static inline float convolution_pixel(const void *x, int index, int camera)
{
    return camera ? (float)((const uint8_t *)x)[index] : ((const float *)x)[index];
}

/* sum + w . x over one window, before the activation function.
 *   x [height][width][channels] from row `base` on, w [kernel_height][kernel_width][depth], pad [depth]; input
 *     channels from `channel` on.
 *   top, left: input position of the first tap. Padded taps count as `pad` (NULL: zero, so they are passed over).
 */
static inline float convolution_window(const struct convolution_parameters *p, const void *x, int camera,
                                       const float *w, const float *pad, float sum, int channel, int base, int top, int left)
{
    const int depth = p->channels / p->groups;

    for (int ky = 0; ky < p->kernel_height; ky++) {
        const int iy = top + ky * p->dilation_y;
        for (int kx = 0; kx < p->kernel_width; kx++, w += depth) {
            const int ix = left + kx * p->dilation_x;
            if (iy >= 0 && iy < p->height && ix >= 0 && ix < p->width) {
                const int start = ((iy - base) * p->width + ix) * p->channels + channel;
                for (int c = 0; c < depth; c++)
                    sum = multiply_add(w[c], convolution_pixel(x, start + c, camera), sum);
            } else if (pad) {
                for (int c = 0; c < depth; c++)
                    sum = multiply_add(w[c], pad[c], sum);
            }
        }
    }
    return sum;
}

/* Output rows first .. last - 1.
 *   x [height][width][channels]
 *   constants: weight [outputs][kernel_height][kernel_width][channels / groups], bias [outputs], camera: pad [channels]
 *   y [.][out_width][outputs]
 */
static inline void convolution_plain(const struct convolution_parameters *p, const void *x, int camera,
                                     const float *constants, float *y, int base, int first, int last)
{
    const int depth = p->channels / p->groups, members = p->outputs / p->groups;
    const int taps = p->kernel_height * p->kernel_width * depth;
    const float *bias = constants + p->outputs * taps;
    const float *pad = bias + p->outputs;

    DEPTHWISE_ASSERT(depth * p->groups == p->channels && members * p->groups == p->outputs);
    for (int oy = first; oy < last; oy++)
        for (int ox = 0; ox < p->out_width; ox++)
            for (int o = 0; o < p->outputs; o++) {
                const int channel = o / members * depth;
                const float sum =
                    convolution_window(p, x, camera, constants + o * taps, camera ? pad + channel : 0, bias[o], channel, base,
                                       oy * p->stride_y - p->pad_top, ox * p->stride_x - p->pad_left);
                *y++ = activate(sum, p->activation, p->minimum, p->maximum);
            }
}

#endif
