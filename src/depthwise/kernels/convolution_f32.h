/* Convolution of a float map, any window, stride, dilation and groups, in plain C.
 *   x [height][width][channels]
 *   constants: weight [outputs][kernel_height][kernel_width][channels / groups], bias [outputs]
 *   y [.][out_width][outputs], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_CONVOLUTION_F32_H
#define DEPTHWISE_CONVOLUTION_F32_H

#include "convolution_plain.h"

static inline void convolution_f32(const struct convolution_parameters *p, const float *x, const float *constants,
                                   float *y, float *workspace, int base, int first, int last)
{
    (void)workspace;
    convolution_plain(p, x, 0, constants, y, base, first, last);
}

#endif
