/* Which taps of a window lie inside the map, along one axis. */
#ifndef DEPTHWISE_WINDOW_H
#define DEPTHWISE_WINDOW_H

#include "parameters.h"

/* Taps first .. last - 1 lie inside; tap `first` reads input position `start`. */
struct taps {
    int first, last, start;
};

/* The taps inside [0, size) of a window of `kernel` taps, `dilation` apart, whose first tap stands at `origin`. */
static inline struct taps taps_inside(int origin, int kernel, int dilation, int size)
{
    struct taps t;

    DEPTHWISE_ASSERT(kernel > 0 && dilation > 0 && size > 0);
    t.first = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
    t.last = origin < size ? (size - origin + dilation - 1) / dilation : 0;
    if (t.last > kernel)
        t.last = kernel;
    if (t.first > t.last)
        t.first = t.last; /* a window wholly outside has no taps */
    t.start = origin + t.first * dilation;
    return t;
}

#endif
