/* tiny: the network as a flat list of kernel calls. Written by depthwise 0.1.0 for native; do not edit.
   The interface is in tiny.h, memory and sizes in manifest.json. */

/* Rounding is part of the contract: a product and a sum are never contracted into one, whatever the flags. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "tiny.h"

#include <stddef.h>
#include <stdint.h>

#include "kernels/add_f32.h"
#include "kernels/convolution_u8_f32.h"
#include "kernels/depthwise_f32.h"
#include "kernels/global_average_pool_f32.h"
#include "kernels/pointwise_f32.h"

/* Convolution [1, 3, 9, 7] -> [1, 4, 5, 4] */
static void tiny_0_convolution_u8_f32(const uint8_t *x, const float *constants, float *y, float *workspace) {
    static const struct convolution_parameters p = {
        .height = 9,
        .width = 7,
        .channels = 3,
        .out_width = 4,
        .kernel_height = 3,
        .kernel_width = 3,
        .stride_y = 2,
        .stride_x = 2,
        .pad_top = 1,
        .pad_left = 1,
        .outputs = 4,
        .dilation_y = 1,
        .dilation_x = 1,
        .groups = 1,
        .activation = ACTIVATION_CLIP,
        .minimum = 0.00000000e+00f,
        .maximum = 6.00000000e+00f,
    };
    convolution_u8_f32(&p, x, constants, y, workspace, 0, 0, 5);
}

/* Depthwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void tiny_1_depthwise_f32(const float *x, const float *constants, float *y, float *workspace) {
    static const struct convolution_parameters p = {
        .height = 5,
        .width = 4,
        .channels = 4,
        .out_width = 4,
        .kernel_height = 3,
        .kernel_width = 3,
        .stride_y = 1,
        .stride_x = 1,
        .pad_top = 1,
        .pad_left = 1,
        .outputs = 4,
        .dilation_y = 1,
        .dilation_x = 1,
        .groups = 4,
        .activation = ACTIVATION_CLIP,
        .minimum = 0.00000000e+00f,
        .maximum = 6.00000000e+00f,
    };
    depthwise_f32(&p, x, constants, y, workspace, 0, 0, 5);
}

/* Pointwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void tiny_2_pointwise_f32(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pointwise_parameters p = {
        .height = 5,
        .width = 4,
        .channels = 4,
        .outputs = 4,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    pointwise_f32(&p, x, constants, y, workspace, 0, 0, 5);
}

/* Add [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void tiny_3_add_f32(const float *x, const float *x2, const float *constants, float *y, float *workspace) {
    static const struct elementwise_parameters p = {
        .width = 4,
        .channels = 4,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    add_f32(&p, x, x2, constants, y, workspace, 0, 0, 5);
}

/* GlobalAveragePool [1, 4, 5, 4] -> [1, 4, 1, 1] */
static void tiny_4_global_average_pool_f32(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pool_parameters p = {
        .height = 5,
        .width = 4,
        .channels = 4,
        .out_width = 1,
        .kernel_height = 5,
        .kernel_width = 4,
        .stride_y = 1,
        .stride_x = 1,
        .pad_top = 0,
        .pad_left = 0,
        .count_padding = 0,
    };
    global_average_pool_f32(&p, x, constants, y, workspace, 0, 0, 5, 0, 4);
}

/* FullyConnected [1, 4] -> [1, 3] */
static void tiny_5_pointwise_f32(const float *x, const float *constants, float *y, float *workspace) {
    static const struct pointwise_parameters p = {
        .height = 1,
        .width = 1,
        .channels = 4,
        .outputs = 3,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    pointwise_f32(&p, x, constants, y, workspace, 0, 0, 1);
}

int tiny_run_with_weights(const void *weights, const void *input, void *output, void *arena) {
    if (weights == NULL || input == NULL || output == NULL || arena == NULL) {
        return TINY_ERROR_NULL;
    }
    if ((uintptr_t)weights % TINY_ARENA_ALIGNMENT != 0 || (uintptr_t)arena % TINY_ARENA_ALIGNMENT != 0 ||
        (uintptr_t)input % sizeof(uint8_t) != 0 || (uintptr_t)output % sizeof(float) != 0) {
        return TINY_ERROR_ALIGNMENT;
    }
    const uint8_t *const x = (const uint8_t *)input;
    const float *const w = (const float *)weights;
    float *const y = (float *)output;
    unsigned char *const a = (unsigned char *)arena;
    /* stem: Convolution [1, 3, 9, 7] -> [1, 4, 5, 4] */
    tiny_0_convolution_u8_f32(x, w + 0, (float *)(a + 0), NULL);
    /* depthwise: Depthwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
    tiny_1_depthwise_f32((float *)(a + 0), w + 128, (float *)(a + 640), NULL);
    /* pointwise: Pointwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
    tiny_2_pointwise_f32((float *)(a + 640), w + 176, (float *)(a + 320), NULL);
    /* add: Add [1, 4, 5, 4] -> [1, 4, 5, 4] */
    tiny_3_add_f32((float *)(a + 320), (float *)(a + 0), NULL, (float *)(a + 320), NULL);
    /* pool: GlobalAveragePool [1, 4, 5, 4] -> [1, 4, 1, 1] */
    tiny_4_global_average_pool_f32((float *)(a + 320), NULL, (float *)(a + 0), NULL);
    /* classifier: FullyConnected [1, 4] -> [1, 3] */
    tiny_5_pointwise_f32((float *)(a + 0), w + 208, y, NULL);
    return TINY_OK;
}

const char *const tiny_classes[TINY_CLASS_COUNT] = {
    "cat",
    "do\042g",
    "b\134ird\077\077 \303\251*/",
};
