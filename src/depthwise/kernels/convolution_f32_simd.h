/* Convolution of a float map in one group without horizontal dilation, with vectors.
 *   x [height][width][channels]
 *   constants: weight in panels [outputs / PANEL][kernel_height][kernel_width][channels][PANEL],
 *     bias [outputs], both filled up (panel_simd.h)
 *   y [.][out_width][outputs], rows first .. last - 1 of channels from .. to - 1 (panel_simd.h)
 *   workspace: some rows of x with their borders (convolution_simd.h)
 */
#ifndef DEPTHWISE_CONVOLUTION_F32_SIMD_H
#define DEPTHWISE_CONVOLUTION_F32_SIMD_H

#include "convolution_simd.h"

SIMD_INLINE void convolution_f32_simd(const struct convolution_parameters *p, const float *x, const float *constants,
                                        float *y, float *workspace, int base, int first, int last,
                                        int from, int to)
{
    convolution_simd(p, x, 0, constants, y, workspace, base, first, last, from, to);
}

#endif
