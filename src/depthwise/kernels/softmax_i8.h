/* Softmax of one vector of 8 bits, in plain C.
 *   x, y [channels]; constants: table [256] uint32_t: 2^20 exp(-d * input scale), rounded, for a distance d from the maximum
 * y = power / sum of powers / scale, rounded, plus zero; the powers and their sum are integers. workspace: none
 */
#ifndef DEPTHWISE_SOFTMAX_I8_H
#define DEPTHWISE_SOFTMAX_I8_H

#include "requantize.h"

static inline void softmax_i8(const struct quantized_parameters *p, const uint8_t *x, const void *constants, uint8_t *y,
                              void *workspace, int base, int first, int last)
{
    const uint32_t *table = (const uint32_t *)constants;
    uint32_t sum = 0;
    int largest = 0;

    (void)workspace, (void)base, (void)first, (void)last;
    DEPTHWISE_ASSERT(first == 0 && last == 1 && p->channels < 4096);
    for (int c = 0; c < p->channels; c++)
        largest = x[c] > largest ? x[c] : largest;
    for (int c = 0; c < p->channels; c++)
        sum += table[largest - x[c]];
    for (int c = 0; c < p->channels; c++)
        y[c] = round_to_byte((float)table[largest - x[c]] / (float)sum / p->scale, p->zero, 0, 255);
}

#endif
