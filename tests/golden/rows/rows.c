/* rows: the network as a flat list of kernel calls. Written by depthwise 0.1.0 for native; do not edit.
   The interface is in rows.h, memory and sizes in manifest.json. */

/* Rounding is part of the contract: a product and a sum are never contracted into one, whatever the flags. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "rows.h"

#include <stddef.h>
#include <stdint.h>

#include "kernels/add_f32.h"
#include "kernels/convolution_u8_f32.h"
#include "kernels/depthwise_f32.h"
#include "kernels/global_average_pool_f32.h"
#include "kernels/pointwise_f32.h"

/* A map of which a few rows are in memory: rows base .. base + capacity - 1, of `row` bytes each. */
struct stream_window {
    unsigned char *memory;
    int row, capacity, base;
};

static inline int stream_least(int a, int b) {
    return a < b ? a : b;
}

/* How many of `rows` output rows can be made when `done` of the input's `height` rows are there. */
static inline int stream_ready(int done, int height, int rows, int reach, int stride, int pad) {
    if (done >= height) {
        return rows;
    }
    return done + pad < reach ? 0 : stream_least(rows, (done + pad - reach) / stride + 1);
}

/* Where a row of the map lies. */
static inline unsigned char *stream_row(const struct stream_window *map, int row) {
    return map->memory + (row - map->base) * map->row;
}

/* Makes room for the rows before `last`: where there is none, rows needed .. done - 1 move to the front. */
static inline void stream_make_room(struct stream_window *map, int needed, int done, int last) {
    if (last - map->base <= map->capacity) {
        return;
    }
    needed = needed < 0 ? 0 : needed;
    for (int row = needed; row < done; row++) {
        __builtin_memcpy(map->memory + (row - needed) * map->row, stream_row(map, row), (unsigned)map->row);
    }
    map->base = needed;
}

/* Convolution [1, 3, 9, 7] -> [1, 4, 5, 4] */
static void rows_0_convolution_u8_f32(const uint8_t *x, const float *constants, float *y, float *workspace, int base, int first, int last) {
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
    convolution_u8_f32(&p, x, constants, y, workspace, base, first, last);
}

/* Depthwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void rows_1_depthwise_f32(const float *x, const float *constants, float *y, float *workspace, int base, int first, int last) {
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
    depthwise_f32(&p, x, constants, y, workspace, base, first, last);
}

/* Pointwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void rows_2_pointwise_f32(const float *x, const float *constants, float *y, float *workspace, int base, int first, int last) {
    static const struct pointwise_parameters p = {
        .height = 5,
        .width = 4,
        .channels = 4,
        .outputs = 4,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    pointwise_f32(&p, x, constants, y, workspace, base, first, last);
}

/* Add [1, 4, 5, 4] -> [1, 4, 5, 4] */
static void rows_3_add_f32(const float *x, const float *x2, const float *constants, float *y, float *workspace, int base, int first, int last) {
    static const struct elementwise_parameters p = {
        .width = 4,
        .channels = 4,
        .activation = ACTIVATION_CLIP,
        .minimum = -UNBOUNDED,
        .maximum = UNBOUNDED,
    };
    add_f32(&p, x, x2, constants, y, workspace, base, first, last);
}

/* GlobalAveragePool [1, 4, 5, 4] -> [1, 4, 1, 1] */
static void rows_4_global_average_pool_f32(const float *x, const float *constants, float *y, float *workspace, int base, int first, int last) {
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
    global_average_pool_f32(&p, x, constants, y, workspace, base, first, last, 0, 4);
}

/* FullyConnected [1, 4] -> [1, 3] */
static void rows_5_pointwise_f32(const float *x, const float *constants, float *y, float *workspace) {
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

/* stem: Convolution [1, 3, 9, 7] -> [1, 4, 5, 4] and what follows, row by row. */
static void rows_stream_0(const uint8_t *x, const float *w, unsigned char *a) {
    struct stream_window m0 = {a + 0, 64, 3, 0};
    struct stream_window m1 = {a + 192, 64, 1, 0};
    struct stream_window m2 = {a + 256, 64, 1, 0};
    int d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0;
    for (int step = 0; step < 6; step++) {
        int last;
        /* stem: Convolution [1, 3, 9, 7] -> [1, 4, 5, 4] */
        last = stream_least(d0 + 1, 5);
        if (d0 < last) {
            stream_make_room(&m0, stream_least(stream_least(d0, d1 - 1), d3), d0, last);
            rows_0_convolution_u8_f32(x, w + 0, (float *)stream_row(&m0, d0), NULL, 0, d0, last);
            d0 = last;
        }
        /* depthwise: Depthwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
        last = stream_least(d1 + 1, stream_ready(d0, 5, 5, 3, 1, 1));
        if (d1 < last) {
            stream_make_room(&m1, stream_least(d1, d2), d1, last);
            rows_1_depthwise_f32((float *)m0.memory, w + 128, (float *)stream_row(&m1, d1), NULL, m0.base, d1, last);
            d1 = last;
        }
        /* pointwise: Pointwise [1, 4, 5, 4] -> [1, 4, 5, 4] */
        last = stream_least(d2 + 1, d1);
        if (d2 < last) {
            stream_make_room(&m2, stream_least(stream_least(d2, d3), d4), d2, last);
            rows_2_pointwise_f32((float *)stream_row(&m1, d2), w + 176, (float *)stream_row(&m2, d2), NULL, d2, d2, last);
            d2 = last;
        }
        /* add: Add [1, 4, 5, 4] -> [1, 4, 5, 4] */
        last = stream_least(stream_least(d3 + 1, d2), d0);
        if (d3 < last) {
            rows_3_add_f32((float *)stream_row(&m2, d3), (float *)stream_row(&m0, d3), NULL, (float *)stream_row(&m2, d3), NULL, d3, d3, last);
            d3 = last;
        }
        /* pool: GlobalAveragePool [1, 4, 5, 4] -> [1, 4, 1, 1] */
        last = stream_least(d4 + 1, d3);
        if (d4 < last) {
            rows_4_global_average_pool_f32((float *)stream_row(&m2, d4), NULL, (float *)(a + 320), NULL, d4, d4, last);
            d4 = last;
        }
    }
}

int rows_run_with_weights(const void *weights, const void *input, void *output, void *arena) {
    if (weights == NULL || input == NULL || output == NULL || arena == NULL) {
        return ROWS_ERROR_NULL;
    }
    if ((uintptr_t)weights % ROWS_ARENA_ALIGNMENT != 0 || (uintptr_t)arena % ROWS_ARENA_ALIGNMENT != 0 ||
        (uintptr_t)input % sizeof(uint8_t) != 0 || (uintptr_t)output % sizeof(float) != 0) {
        return ROWS_ERROR_ALIGNMENT;
    }
    const uint8_t *const x = (const uint8_t *)input;
    const float *const w = (const float *)weights;
    float *const y = (float *)output;
    unsigned char *const a = (unsigned char *)arena;
    rows_stream_0(x, w, a);
    /* classifier: FullyConnected [1, 4] -> [1, 3] */
    rows_5_pointwise_f32((float *)(a + 320), w + 208, y, NULL);
    return ROWS_OK;
}

const char *const rows_classes[ROWS_CLASS_COUNT] = {
    "cat",
    "do\042g",
    "b\134ird\077\077 \303\251*/",
};
