/* The channels of two maps of 8 bits side by side, each brought to the scale of y by a table, in plain C.
 *   x [.][width][channels], x2 [.][width][second]; constants: table of x [256] uint8_t, table of x2 [256] uint8_t
 *   y [.][width][channels + second], rows first .. last - 1; workspace: none
 */
#ifndef DEPTHWISE_CONCAT_I8_H
#define DEPTHWISE_CONCAT_I8_H

#include "parameters.h"

static inline void concat_i8(const struct concat_parameters *p, const uint8_t *x, const uint8_t *x2,
                             const void *constants, uint8_t *y, void *workspace, int base, int first, int last)
{
    const uint8_t *table = (const uint8_t *)constants, *table2 = table + 256;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int pixel = 0; pixel < (last - first) * p->width; pixel++) {
        for (int c = 0; c < p->channels; c++)
            *y++ = table[*x++];
        for (int c = 0; c < p->second; c++)
            *y++ = table2[*x2++];
    }
}

#endif
