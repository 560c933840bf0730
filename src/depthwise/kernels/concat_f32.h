/* The channels of two maps side by side, in plain C.
 *   x [.][width][channels], x2 [.][width][second]
 *   y [.][width][channels + second], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_CONCAT_F32_H
#define DEPTHWISE_CONCAT_F32_H

#include "parameters.h"

static inline void concat_f32(const struct concat_parameters *p, const float *x, const float *x2, const float *constants,
                              float *y, float *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++) {
        for (int c = 0; c < p->channels; c++)
            *y++ = *x++;
        for (int c = 0; c < p->second; c++)
            *y++ = *x2++;
    }
}

#endif
