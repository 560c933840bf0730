/* Parameters of the kernels: one struct per family of operators, filled in by the emitted program.
 *
 * Maps are NHWC with one image: element (y, x, c) of a map [H][W][C] stands at (y * W + x) * C + c.
 * All sizes, strides and pads count elements of their axis, never bytes.
 *
 * Every kernel computes rows first .. last - 1 of its output, so that it serves a whole map, a band, or a few rows of a
 * stream whose other rows are not in memory: y begins with row `first`, x (and x2) with input row `base`. A kernel
 * without a window reads row by row what it writes, so for it base == first.
 */
#ifndef DEPTHWISE_PARAMETERS_H
#define DEPTHWISE_PARAMETERS_H

#include <stdint.h>

/* A debug build may define this as assert; the emitted program leaves it empty. */
#ifndef DEPTHWISE_ASSERT
#define DEPTHWISE_ASSERT(condition) ((void)0)
#endif

/* An open end of a clip. */
#define UNBOUNDED __builtin_inff()

/* What is done to each output before it is stored. */
enum activation {
    ACTIVATION_CLIP,         /* to [minimum, maximum]: also none (both open), ReLU, ReLU6 */
    ACTIVATION_HARD_SIGMOID, /* clip(x / 6 + 1/2, 0, 1) */
    ACTIVATION_HARD_SWISH,   /* x * hard_sigmoid(x) */
    ACTIVATION_SIGMOID,      /* 1 / (1 + exp(-x)) */
    ACTIVATION_SILU          /* x * sigmoid(x) */
};

/* Convolution and depthwise convolution: [height][width][channels] -> [.][out_width][outputs]. */
struct convolution_parameters {
    int height, width, channels;     /* input map */
    int out_width, outputs;          /* output map: width, channels */
    int kernel_height, kernel_width; /* window */
    int stride_y, stride_x;          /* input pixels per output pixel */
    int pad_top, pad_left;           /* padded pixels before the map; those after it follow from out_width and `last` */
    int dilation_y, dilation_x;      /* input pixels between neighbouring taps */
    int groups;                      /* output channel o reads the channels of group o / (outputs / groups) */
    int activation;                  /* enum activation */
    float minimum, maximum;          /* of ACTIVATION_CLIP, else open */
};

/* Pointwise convolution and fully connected layer: [.][width][channels] -> [.][width][outputs]. */
struct pointwise_parameters {
    int height, width;     /* rows of the map, pixels in a row (1 for a vector) */
    int channels, outputs; /* input and output channels */
    int activation;               /* enum activation */
    float minimum, maximum;       /* of ACTIVATION_CLIP, else open */
};

/* Pooling: [height][width][channels] -> [.][out_width][channels]. */
struct pool_parameters {
    int height, width, channels;     /* input map */
    int out_width;                   /* output map: width */
    int kernel_height, kernel_width; /* window */
    int stride_y, stride_x;          /* input pixels per output pixel */
    int pad_top, pad_left;           /* padded pixels before the map */
    int count_padding;               /* average pooling: 1 if padded pixels count in the divisor */
};

/* Elementwise operators, normalization and softmax: [.][width][channels] -> [.][width][channels]. */
struct elementwise_parameters {
    int width, channels;    /* pixels in a row (1 for a vector), channels */
    int activation;         /* enum activation */
    float minimum, maximum; /* of ACTIVATION_CLIP, else open */
};

/* Two maps side by side: [.][width][channels], [.][width][second] -> [.][width][channels + second]. */
struct concat_parameters {
    int width, channels, second; /* pixels in a row (1 for a vector), channels of each */
};

/* The 8-bit forms (docs/int8.md). An activation q of type uint8_t stands for scale * (q - zero). Outputs are
 * output_zero + a rounded value, within minimum .. maximum, which hold the range of the type and a fused clip.
 */

/* Convolution and depthwise convolution of 8 bits; other fields as in convolution_parameters. */
struct convolution_i8_parameters {
    int height, width, channels;
    int out_width, outputs;
    int kernel_height, kernel_width;
    int stride_y, stride_x;
    int pad_top, pad_left;
    int dilation_y, dilation_x;
    int groups;
    int input_zero; /* what padded pixels count as */
    int output_zero, minimum, maximum;
    int bounded; /* 1: no accumulator times its scale reaches 2^31 */
};

/* Pointwise convolution and fully connected layer of 8 bits. */
struct pointwise_i8_parameters {
    int height, width;
    int channels, outputs;
    int output_zero, minimum, maximum;
    int bounded; /* 1: no accumulator times its scale reaches 2^31 */
};

/* Pooling of 8 bits. */
struct pool_i8_parameters {
    int height, width, channels;
    int out_width;
    int kernel_height, kernel_width;
    int stride_y, stride_x;
    int pad_top, pad_left;
    int count_padding;
    int input_zero, output_zero;
    float scale; /* input scale / output scale */
};

/* Sum and product of two maps of 8 bits, the second perhaps one factor per channel. */
struct binary_i8_parameters {
    int width, channels;
    int first_zero, second_zero;
    int output_zero, minimum, maximum;
    float first_scale, second_scale; /* sum: of each input / of the output; product: first_scale for it all */
};

/* From floats to 8 bits and back, tables and softmax: [.][width][channels]. */
struct quantized_parameters {
    int width, channels;
    int zero;    /* of the 8-bit side */
    float scale; /* of the 8-bit side */
};

#endif
