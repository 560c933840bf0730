/* tiny: a network compiled for native. Written by depthwise 0.1.0; do not edit.

   static _Alignas(TINY_ARENA_ALIGNMENT) unsigned char arena[TINY_ARENA_BYTES];
   static float scores[TINY_OUTPUT_COUNT];
   int error = tiny_run(camera, scores, arena);

   No allocation, no globals that change, no library beyond memcpy, memmove and memset: calls from several threads need nothing but an
   arena each. */

#ifndef tiny_h_included
#define tiny_h_included

#ifdef __cplusplus
extern "C" {
#endif

/* Input: uint8_t, 9 rows x 7 columns x 3 channels, channels innermost (NHWC).
   The image is resized to 9 x 9 pixels (in proportion until it covers them, then the centre cut out), channels red, green, blue.
   Give the camera's bytes, 0 to 255, as they are; the normalization is folded into the network:
   (pixel / 255 - mean) / std with mean 0.486, 0.455, 0.408 and std 0.5, 0.5, 0.5.
*/
#define TINY_INPUT_HEIGHT 9
#define TINY_INPUT_WIDTH 7
#define TINY_INPUT_CHANNELS 3
#define TINY_INPUT_COUNT 189
#define TINY_INPUT_BYTES 189

/* Output: float, 3 values. */
#define TINY_OUTPUT_COUNT 3
#define TINY_OUTPUT_BYTES 12

/* Scratch memory of one run; its content need not be kept between runs. */
#define TINY_ARENA_BYTES 960
#define TINY_ARENA_ALIGNMENT 64

/* Constants, in tiny_weights.c. */
#define TINY_WEIGHT_BYTES 896

/* The name of each output. */
#define TINY_CLASS_COUNT 3
extern const char *const tiny_classes[TINY_CLASS_COUNT];

enum {
    TINY_OK = 0,
    TINY_ERROR_NULL = 1,     /* a pointer is NULL */
    TINY_ERROR_ALIGNMENT = 2 /* arena or weights not at a multiple of TINY_ARENA_ALIGNMENT, or a float pointer is misaligned */
};

/* Runs the network once. Returns TINY_OK or an error code; on an error nothing is written. */
int tiny_run(const void *input, void *output, void *arena);

/* The same with the constants anywhere in memory (flash, a mapped file): the bytes of tiny_weights.bin. */
int tiny_run_with_weights(const void *weights, const void *input, void *output, void *arena);

#ifdef __cplusplus
}
#endif

#endif
