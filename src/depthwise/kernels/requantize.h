/* From a 32-bit accumulator to 8 bits, the one rule of docs/int8.md, for one value. */
#ifndef DEPTHWISE_REQUANTIZE_H
#define DEPTHWISE_REQUANTIZE_H

#include "parameters.h"

/* a + b * c modulo 2^32, for a pixel b and a weight c. */
static inline int32_t accumulate(int32_t a, int b, int c)
{
    return (int32_t)((uint32_t)a + (uint32_t)(b * c));
}

/* f, clamped to [minimum - zero, maximum - zero], rounded half to even, plus zero; what is not a number is `minimum`. */
static inline uint8_t round_to_byte(float f, int zero, int minimum, int maximum)
{
    const float low = (float)(minimum - zero), high = (float)(maximum - zero);
    const float shifter = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, which stands in the low bits */
    int32_t bits;

    f = f > low ? f : low;
    f = f < high ? f : high;
    f = f + shifter;
    __builtin_memcpy(&bits, &f, sizeof bits);
    return (uint8_t)(bits - 0x4B400000 + zero);
}

/* The accumulator times its scale as 8 bits: two roundings, that to float and that of the product. */
static inline uint8_t requantize(int32_t sum, float scale, int zero, int minimum, int maximum)
{
    return round_to_byte((float)sum * scale, zero, minimum, maximum);
}

#endif
