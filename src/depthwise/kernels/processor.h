/* Which instruction sets an x86-64 processor has, and its system lets programs use.
 *
 * gcc and clang keep a table of it, which costs nothing to ask. Where it is empty (zig's is: not even SSE2 stands in it)
 * the processor itself is asked each time: a tenth of a microsecond, some microseconds in a virtual machine.
 */
#ifndef DEPTHWISE_PROCESSOR_H
#define DEPTHWISE_PROCESSOR_H

#if defined(__x86_64__)
#include <cpuid.h>

/* Bits of the processor's answers. */
#define PROCESSOR_FMA (1u << 12)      /* leaf 1, ecx */
#define PROCESSOR_XGETBV (1u << 27)   /* leaf 1, ecx */
#define PROCESSOR_AVX2 (1u << 5)      /* leaf 7, ebx */
#define PROCESSOR_AVX512 0xC0030000u  /* leaf 7, ebx: F, DQ, BW, VL */
#define PROCESSOR_AVX512VNNI (1u << 11) /* leaf 7, ecx */
#define PROCESSOR_AVXVNNI (1u << 4)   /* leaf 7.1, eax */
#define PROCESSOR_YMM 0x06u           /* what the system saves of the registers */
#define PROCESSOR_ZMM 0xE6u

/* Whether the processor has the bits `wanted` of leaf 7 and FMA, and the system saves `registers`. */
static inline int processor_says(unsigned wanted, unsigned registers)
{
    unsigned a, b, c, d, saved, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & PROCESSOR_FMA) || !(c & PROCESSOR_XGETBV))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    return (saved & registers) == registers && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & wanted) == wanted;
}

static inline int processor_has_avx2(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse2"))
        return processor_says(PROCESSOR_AVX2, PROCESSOR_YMM);
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static inline int processor_has_avx512(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse2"))
        return processor_says(PROCESSOR_AVX2 | PROCESSOR_AVX512, PROCESSOR_ZMM);
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static inline int processor_has_avx512vnni(void)
{
    unsigned a, b, c, d;

    return processor_has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & PROCESSOR_AVX512VNNI);
}

static inline int processor_has_avxvnni(void)
{
    unsigned a, b, c, d;

    return processor_has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & PROCESSOR_AVXVNNI);
}

#endif

#endif
