/* Product of a map and one factor per channel (the gate of squeeze-excite), of 8 bits, in plain C; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; x2 [channels]; constants, workspace: none
 */
#ifndef DEPTHWISE_MULTIPLY_GATE_I8_H
#define DEPTHWISE_MULTIPLY_GATE_I8_H

#include "requantize.h"

static inline void multiply_gate_i8(const struct binary_i8_parameters *p, const uint8_t *x, const uint8_t *x2,
                                    const void *constants, uint8_t *y, void *workspace, int base, int first, int last)
{
    (void)constants, (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++)
        for (int c = 0; c < p->channels; c++) {
            const int i = pixel * p->channels + c;
            const int32_t product = (x[i] - p->first_zero) * (x2[c] - p->second_zero);
            y[i] = requantize(product, p->first_scale, p->output_zero, p->minimum, p->maximum);
        }
}

#endif
