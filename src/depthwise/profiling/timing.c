/* Times calls of a compiled network, one by one, with nothing between them but the clock. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

typedef int (*network_run)(const void *weights, const void *input, void *output, void *arena);
typedef int (*network_run_parallel)(const void *weights, const void *input, void *output, void *arena, int threads,
                                    void (*parallel_for)(void *, int, void (*)(void *, int), void *), void *pool);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Fills seconds[0 .. calls - 1]; returns the first error of the network, or 0. */
int time_calls(network_run run, const void *weights, const void *input, void *output, void *arena, int calls,
               double *seconds)
{
    for (int i = 0; i < calls; i++) {
        const double begin = now();
        const int error = run(weights, input, output, arena);
        seconds[i] = now() - begin;
        if (error)
            return error;
    }
    return 0;
}

/* The same on several threads. */
int time_parallel_calls(network_run_parallel run, const void *weights, const void *input, void *output, void *arena,
                        int threads, void (*parallel_for)(void *, int, void (*)(void *, int), void *), void *pool,
                        int calls, double *seconds)
{
    for (int i = 0; i < calls; i++) {
        const double begin = now();
        const int error = run(weights, input, output, arena, threads, parallel_for, pool);
        seconds[i] = now() - begin;
        if (error)
            return error;
    }
    return 0;
}
