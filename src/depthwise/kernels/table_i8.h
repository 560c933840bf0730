/* Any function of one value of 8 bits, by its table, in plain C; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; constants: table [256] uint8_t; workspace: none
 */
#ifndef DEPTHWISE_TABLE_I8_H
#define DEPTHWISE_TABLE_I8_H

#include "parameters.h"

static inline void table_i8(const struct quantized_parameters *p, const uint8_t *x, const void *constants, uint8_t *y,
                            void *workspace, int base, int first, int last)
{
    const uint8_t *table = (const uint8_t *)constants;
    const int count = (last - first) * p->width * p->channels;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i++)
        y[i] = table[x[i]];
}

#endif
