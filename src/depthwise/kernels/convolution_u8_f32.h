/* Convolution of camera pixels, any window, stride, dilation and groups, in plain C.
 *
 * The network's normalization is folded into the weights, so that a border which was zero after it is `pad` before it.
 *   x [height][width][channels] bytes
 *   constants: weight [outputs][kernel_height][kernel_width][channels / groups], bias [outputs], pad [channels]
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_CONVOLUTION_U8_F32_H
#define DEPTHWISE_CONVOLUTION_U8_F32_H

#include "convolution_plain.h"

static inline void convolution_u8_f32(const struct convolution_parameters *p, const uint8_t *x, const float *constants,
                                      float *y, float *workspace, int base, int first, int last)
{
    (void)workspace;
    convolution_plain(p, x, 1, constants, y, base, first, last);
}

#endif
