/* Camera pixels to the floats that a network was trained on, in plain C: y = x * scale + shift.
 *   x [.][width][channels] bytes; constants: scale [channels], shift [channels]
 *   y [.][width][channels], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_NORMALIZE_U8_F32_H
#define DEPTHWISE_NORMALIZE_U8_F32_H

#include "activation.h"

static inline void normalize_u8_f32(const struct elementwise_parameters *p, const uint8_t *x, const float *constants,
                                    float *y, float *workspace, int base, int first, int last)
{
    const float *scale = constants, *shift = constants + p->channels;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++)
        for (int c = 0; c < p->channels; c++) {
            const int i = pixel * p->channels + c;
            y[i] = multiply_add((float)x[i], scale[c], shift[c]);
        }
}

#endif
