/* Elementwise sum of two maps of 8 bits, in plain C; y may be x.
 *   x, x2, y [.][width][channels], rows first .. last - 1; constants, workspace: none
 */
#ifndef DEPTHWISE_ADD_I8_H
#define DEPTHWISE_ADD_I8_H

#include "requantize.h"

static inline void add_i8(const struct binary_i8_parameters *p, const uint8_t *x, const uint8_t *x2,
                          const void *constants, uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++) {
        const float one = (float)(x[i] - p->first_zero) * p->first_scale;
        const float two = (float)(x2[i] - p->second_zero) * p->second_scale;
        y[i] = round_to_byte(one + two, p->output_zero, p->minimum, p->maximum);
    }
}

#endif
