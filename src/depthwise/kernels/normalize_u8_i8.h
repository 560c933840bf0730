/* Camera pixels to the 8-bit values of a network, by a table for each channel, in plain C.
 *   x, y [.][width][channels], rows first .. last - 1; constants: table [channels][256] uint8_t; workspace: none
 */
#ifndef DEPTHWISE_NORMALIZE_U8_I8_H
#define DEPTHWISE_NORMALIZE_U8_I8_H

#include "parameters.h"

static inline void normalize_u8_i8(const struct quantized_parameters *p, const uint8_t *x, const void *constants,
                                   uint8_t *y, void *workspace, int base, int first, int last)
{
    const uint8_t *table = (const uint8_t *)constants;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++)
        for (int c = 0; c < p->channels; c++)
            y[pixel * p->channels + c] = table[c * 256 + x[pixel * p->channels + c]];
}

#endif
