/* What the matrix products of all types share: panels of weights, and where the pixels of a tile are read. */
#ifndef DEPTHWISE_PANEL_H
#define DEPTHWISE_PANEL_H

#include "simd.h"

/* Outputs in a panel of packed weights. */
#define PANEL 32

/* Weights and biases are filled up to a multiple of this many outputs: the least that a tile computes. */
#define PANEL_UNIT 8

/* The units of outputs that a tile computes at most: whole vectors, whose sums stay in registers. */
#define PANEL_UNITS (SIMD_VECTORS * SIMD_WIDTH / PANEL_UNIT)

/* What there is for each number of pixels in a tile. */
#if SIMD_ROWS > 6
#define PANEL_ROWS(each) \
    each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) each(10) each(11) each(12) each(13) each(14)
#else
#define PANEL_ROWS(each) each(1) each(2) each(3) each(4) each(5) each(6)
#endif

/* Biases and outputs of the panels of so many outputs. */
SIMD_INLINE int panel_filled(int outputs)
{
    return (outputs + PANEL_UNIT - 1) / PANEL_UNIT * PANEL_UNIT;
}

/* A tile's pixels are read through a pointer to every third one plus 0, 1, 2, 4 or 8 times the distance of two: what an
 * address of x86 can hold. This is the third pixel from which pixel r is reached.
 */
SIMD_INLINE int panel_near(int r)
{
    return r == 1 || r == 2 || r == 4 || r == 8 ? 0 : r == 5 || r == 7 || r == 11 ? 1 : r == 10 ? 2 : r == 13 ? 3 : r / 3;
}

/* Where the pixels of a tile are read: every third one, and how far it is to the next pixel in bytes. */
struct panel_inputs {
    const char *at[(SIMD_ROWS + 2) / 3];
    intptr_t across;
};

/* Moves on in every pixel. */
SIMD_INLINE void panel_move(struct panel_inputs *in, int rows, intptr_t bytes)
{
    SIMD_UNROLL for (int i = 0; 3 * i < rows; i++)
        in->at[i] += bytes;
}

/* A block of pixels from `pixel` on: `longer` tiles of rows + 1 pixels, then others of `rows`, `tiles` in all. */
struct panel_pixels {
    int pixel, tiles, rows, longer;
};

#endif
