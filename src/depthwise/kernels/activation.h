/* Activation functions for one value, without libm. `simd.h` has the same for vectors, bit for bit. */
#ifndef DEPTHWISE_ACTIVATION_H
#define DEPTHWISE_ACTIVATION_H

#include "parameters.h"

/* a * b + c: fused on ARM, where that is one instruction on every core with an FPU of this kind; else two roundings. */
static inline float multiply_add(float a, float b, float c)
{
#if defined(__ARM_FEATURE_FMA) && defined(__clang__)
    return __builtin_elementwise_fma(a, b, c); /* its __builtin_fmaf may call the library, which keeps errno */
#elif defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* Clips to [minimum, maximum]. */
static inline float clip(float x, float minimum, float maximum)
{
    x = x < minimum ? minimum : x;
    return x > maximum ? maximum : x;
}

/* exp(x), relative error below 3e-7, for x in [-87, 88]; beyond that range the value at its end.
 * x = n ln 2 + r with |r| <= ln 2 / 2, exp(r) by its Taylor polynomial of degree 7; times 2^n
 * through the exponent bits.
 */
static inline float exponential(float x)
{
    const float shifter = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, which stands in the low bits */
    float shifted, n, r, y, power;
    int32_t bits;

    x = clip(x, -87.0f, 88.0f);
    shifted = x * 1.44269504f + shifter;
    n = shifted - shifter;
    r = x - n * 0.693359375f; /* ln 2 in two parts; the first has few bits, so that this product is exact */
    r = r - n * -2.12194440e-4f;
    y = 1.98412698e-4f;
    y = y * r + 1.38888889e-3f;
    y = y * r + 8.33333333e-3f;
    y = y * r + 4.16666667e-2f;
    y = y * r + 1.66666667e-1f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)(((uint32_t)bits << 23) + 0x3F800000u);
    __builtin_memcpy(&power, &bits, sizeof power);
    return y * power;
}

/* 1 / (1 + exp(-x)), relative error below 1e-6 for x > -87. */
static inline float sigmoid(float x)
{
    const float power = exponential(x < 0.0f ? x : -x); /* of -|x|: at most 1 */
    return (x < 0.0f ? power : 1.0f) / (1.0f + power);
}

/* One value through an activation function; `minimum` and `maximum` are those of ACTIVATION_CLIP. */
static inline float activate(float x, int activation, float minimum, float maximum)
{
    DEPTHWISE_ASSERT(activation >= ACTIVATION_CLIP && activation <= ACTIVATION_SILU);
    switch (activation) {
    case ACTIVATION_HARD_SIGMOID:
        return clip(x * 0.166666667f + 0.5f, 0.0f, 1.0f);
    case ACTIVATION_HARD_SWISH:
        return x * clip(x * 0.166666667f + 0.5f, 0.0f, 1.0f);
    case ACTIVATION_SIGMOID:
        return sigmoid(x);
    case ACTIVATION_SILU:
        return x * sigmoid(x);
    default:
        return clip(x, minimum, maximum);
    }
}

#endif
