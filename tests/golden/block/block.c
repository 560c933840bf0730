/* block: the network as a flat list of kernel calls. Written by depthwise 0.1.0 for native; do not edit.
   The interface is in block.h, memory and sizes in manifest.json. */

/* Rounding is part of the contract: a product and a sum are never contracted into one, whatever the flags. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "block.h"

#include <stddef.h>
#include <stdint.h>

#if !(defined(__AVX2__) && defined(__FMA__))
/* Built without the flags of flags.txt: the code below asks for avx2 by itself. */
#if defined(__clang__) && defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define BLOCK_TARGET_PUSHED
#elif defined(__GNUC__) && defined(__x86_64__)
#pragma GCC target("avx2,fma")
#else
#error "block was compiled for avx2, which this compiler does not target: compile it with another --target"
#endif
#endif
#define DEPTHWISE_AVX2

#include "kernels/add_f32_simd.h"
#include "kernels/convolution_u8_f32_simd.h"
#include "kernels/depthwise_f32_simd.h"
#include "kernels/global_average_pool_f32_simd.h"
#include "kernels/pointwise_f32_simd.h"

/* Where part `part` of `parts` begins, and the one before it ends: at a multiple of `unit`; the last part takes what is left over. */
static inline __attribute__((unused)) int part_begin(int total, int unit, int parts, int part) {
    return part == parts ? total : total / unit * part / parts * unit;
}

/* The same for the pixels of a map, which the products take in nearly equal tiles: a part begins with one of them. */
static inline __attribute__((unused)) int part_pixel(int total, int parts, int part) {
#ifdef SIMD_ROWS
    const int tiles = (total + SIMD_ROWS - 1) / SIMD_ROWS, rows = total / tiles, longer = total - tiles * rows;
    const int tile = tiles * part / parts;
    return tile * rows + (tile < longer ? tile : longer);
#else
    return total * part / parts;
#endif
}

/* Memory of which every part has its own: the first one's lies in the arena, those of the others one after the other behind it. */
static inline __attribute__((unused)) unsigned char *part_memory(unsigned char *arena, int part, int first, int other) {
    return part == 0 ? arena + first : arena + BLOCK_ARENA_BYTES + (part - 1) * BLOCK_THREAD_BYTES + other;
}

static inline __attribute__((unused)) int part_most(int a, int b) {
    return a > b ? a : b;
}

/* Convolution [1, 3, 11, 11] -> [1, 16, 6, 6] */
static void block_0_convolution_u8_f32_simd(const uint8_t *x, const float *constants, float *y, float *workspace) {
    static const struct convolution_parameters p = {
        .height = 11,
        .width = 11,
        .channels = 3,
        .out_width = 6,
        .kernel_height = 3,
        .kernel_width = 3,
        .stride_y = 2,
        .stride_x = 2,
        .pad_top = 1,
        .pad_left = 1,
        .outputs = 16,
        .dilation_y = 1,
        .dilation_x = 1,
        .groups = 1,
        .activation = ACTIVATION_CLIP,
        .minimum = 0.00000000e+00f,
        .maximum = 6.00000000e+00f,
    };
    convolution_u8_f32_simd(&p, x, constants, y, workspace, 0, 0, 6, 0, 16);
}

/* Pointwise [1, 16, 6, 6] -> [1, 24, 6, 6] */
static void block_1_pointwise_f32_simd(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pointwise_parameters p = {
        .height = 6,
        .width = 6,
        .channels = 16,
        .outputs = 24,
        .activation = ACTIVATION_CLIP,
        .minimum = 0.00000000e+00f,
        .maximum = 6.00000000e+00f,
    };
    pointwise_f32_simd(&p, x, constants, y, workspace, 0, 0, 6, 0, 24);
}

/* Depthwise [1, 24, 6, 6] -> [1, 24, 6, 6] */
static void block_2_depthwise_f32_simd(const float *x, const float *constants, float *y, float *workspace) {
    static const struct convolution_parameters p = {
        .height = 6,
        .width = 6,
        .channels = 24,
        .out_width = 6,
        .kernel_height = 3,
        .kernel_width = 3,
        .stride_y = 1,
        .stride_x = 1,
        .pad_top = 1,
        .pad_left = 1,
        .outputs = 24,
        .dilation_y = 1,
        .dilation_x = 1,
        .groups = 24,
        .activation = ACTIVATION_CLIP,
        .minimum = 0.00000000e+00f,
        .maximum = 6.00000000e+00f,
    };
    depthwise_f32_simd(&p, x, constants, y, workspace, 0, 0, 6, 0, 24);
}

/* Pointwise [1, 24, 6, 6] -> [1, 16, 6, 6] */
static void block_3_pointwise_f32_simd(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pointwise_parameters p = {
        .height = 6,
        .width = 6,
        .channels = 24,
        .outputs = 16,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    pointwise_f32_simd(&p, x, constants, y, workspace, 0, 0, 6, 0, 16);
}

/* Add [1, 16, 6, 6] -> [1, 16, 6, 6] */
static void block_4_add_f32_simd(const float *x, const float *x2, const float *constants, float *y, float *workspace) {
    static const struct elementwise_parameters p = {
        .width = 6,
        .channels = 16,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    add_f32_simd(&p, x, x2, constants, y, workspace, 0, 0, 6);
}

/* GlobalAveragePool [1, 16, 6, 6] -> [1, 16, 1, 1] */
static void block_5_global_average_pool_f32_simd(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pool_parameters p = {
        .height = 6,
        .width = 6,
        .channels = 16,
        .out_width = 1,
        .kernel_height = 6,
        .kernel_width = 6,
        .stride_y = 1,
        .stride_x = 1,
        .pad_top = 0,
        .pad_left = 0,
        .count_padding = 0,
    };
    global_average_pool_f32_simd(&p, x, constants, y, workspace, 0, 0, 6, 0, 16);
}

/* Pointwise [1, 16, 1, 1] -> [1, 10, 1, 1] */
static void block_6_pointwise_f32_simd(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pointwise_parameters p = {
        .height = 1,
        .width = 1,
        .channels = 16,
        .outputs = 10,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    pointwise_f32_simd(&p, x, constants, y, workspace, 0, 0, 1, 0, 10);
}

int block_run_with_weights(const void *weights, const void *input, void *output, void *arena) {
    if (weights == NULL || input == NULL || output == NULL || arena == NULL) {
        return BLOCK_ERROR_NULL;
    }
    if ((uintptr_t)weights % BLOCK_ARENA_ALIGNMENT != 0 || (uintptr_t)arena % BLOCK_ARENA_ALIGNMENT != 0 ||
        (uintptr_t)input % sizeof(uint8_t) != 0 || (uintptr_t)output % sizeof(float) != 0) {
        return BLOCK_ERROR_ALIGNMENT;
    }
    const uint8_t *const x = (const uint8_t *)input;
    const float *const w = (const float *)weights;
    float *const y = (float *)output;
    unsigned char *const a = (unsigned char *)arena;
    /* n0: Convolution [1, 3, 11, 11] -> [1, 16, 6, 6] */
    block_0_convolution_u8_f32_simd(x, w + 0, (float *)(a + 6912), (float *)(a + 0));
    /* n1: Pointwise [1, 16, 6, 6] -> [1, 24, 6, 6] */
    block_1_pointwise_f32_simd((float *)(a + 6912), w + 464, (float *)(a + 0), NULL);
    /* n2: Depthwise [1, 24, 6, 6] -> [1, 24, 6, 6] */
    block_2_depthwise_f32_simd((float *)(a + 0), w + 880, (float *)(a + 3456), NULL);
    /* n3: Pointwise [1, 24, 6, 6] -> [1, 16, 6, 6] */
    block_3_pointwise_f32_simd((float *)(a + 3456), w + 1120, (float *)(a + 0), NULL);
    /* n4: Add [1, 16, 6, 6] -> [1, 16, 6, 6] */
    block_4_add_f32_simd((float *)(a + 0), (float *)(a + 6912), NULL, (float *)(a + 0), NULL);
    /* n5: GlobalAveragePool [1, 16, 6, 6] -> [1, 16, 1, 1] */
    block_5_global_average_pool_f32_simd((float *)(a + 0), NULL, (float *)(a + 2304), NULL);
    /* n6: Pointwise [1, 16, 1, 1] -> [1, 10, 1, 1] */
    block_6_pointwise_f32_simd((float *)(a + 2304), w + 1520, y, NULL);
    return BLOCK_OK;
}

/* What all parts of a run know. */
struct parallel_run {
    const uint8_t *x;
    const float *w;
    float *y;
    unsigned char *a;
    int threads;
};

/* How many parts a phase of so many units has. */
static inline __attribute__((unused)) int parallel_parts(int threads, int units) {
    return threads < units ? threads : units;
}

int block_run_parallel(const void *weights, const void *input, void *output, void *arena, int threads, block_parallel_for parallel_for, void *pool) {
    if (threads < 1) {
        return BLOCK_ERROR_THREADS;
    }
    if (parallel_for == NULL) {
        return BLOCK_ERROR_NULL;
    }
    if (weights == NULL || input == NULL || output == NULL || arena == NULL) {
        return BLOCK_ERROR_NULL;
    }
    if ((uintptr_t)weights % BLOCK_ARENA_ALIGNMENT != 0 || (uintptr_t)arena % BLOCK_ARENA_ALIGNMENT != 0 ||
        (uintptr_t)input % sizeof(uint8_t) != 0 || (uintptr_t)output % sizeof(float) != 0) {
        return BLOCK_ERROR_ALIGNMENT;
    }
    const uint8_t *const x = (const uint8_t *)input;
    const float *const w = (const float *)weights;
    float *const y = (float *)output;
    unsigned char *const a = (unsigned char *)arena;
    struct parallel_run run = {x, w, y, a, threads};
    (void)run, (void)pool; /* where nothing is worth sharing */
    /* n0: Convolution [1, 3, 11, 11] -> [1, 16, 6, 6] */
    block_0_convolution_u8_f32_simd(x, w + 0, (float *)(a + 6912), (float *)(a + 0));
    /* n1: Pointwise [1, 16, 6, 6] -> [1, 24, 6, 6] */
    block_1_pointwise_f32_simd((float *)(a + 6912), w + 464, (float *)(a + 0), NULL);
    /* n2: Depthwise [1, 24, 6, 6] -> [1, 24, 6, 6] */
    block_2_depthwise_f32_simd((float *)(a + 0), w + 880, (float *)(a + 3456), NULL);
    /* n3: Pointwise [1, 24, 6, 6] -> [1, 16, 6, 6] */
    block_3_pointwise_f32_simd((float *)(a + 3456), w + 1120, (float *)(a + 0), NULL);
    /* n4: Add [1, 16, 6, 6] -> [1, 16, 6, 6] */
    block_4_add_f32_simd((float *)(a + 0), (float *)(a + 6912), NULL, (float *)(a + 0), NULL);
    /* n5: GlobalAveragePool [1, 16, 6, 6] -> [1, 16, 1, 1] */
    block_5_global_average_pool_f32_simd((float *)(a + 0), NULL, (float *)(a + 2304), NULL);
    /* n6: Pointwise [1, 16, 1, 1] -> [1, 10, 1, 1] */
    block_6_pointwise_f32_simd((float *)(a + 2304), w + 1520, y, NULL);
    return BLOCK_OK;
}

#if defined(BLOCK_TARGET_PUSHED)
#pragma clang attribute pop
#endif
