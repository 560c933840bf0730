/* In place of the variants of `network`: each returns its own number instead of running. */
#include "network.h"

#define LEVEL(set, number)                                                                                             \
    int network_##set##_run_with_weights(const void *weights, const void *input, void *output, void *arena);          \
    int network_##set##_run_with_weights(const void *weights, const void *input, void *output, void *arena)           \
    {                                                                                                                  \
        (void)weights, (void)input, (void)output, (void)arena;                                                         \
        return number;                                                                                                 \
    }                                                                                                                  \
    int network_##set##_run_parallel(const void *weights, const void *input, void *output, void *arena, int threads,  \
                                     network_parallel_for parallel_for, void *pool);                                  \
    int network_##set##_run_parallel(const void *weights, const void *input, void *output, void *arena, int threads,  \
                                     network_parallel_for parallel_for, void *pool)                                    \
    {                                                                                                                  \
        (void)threads, (void)parallel_for, (void)pool;                                                                 \
        return 10 * network_##set##_run_with_weights(weights, input, output, arena);                                   \
    }

LEVEL(sse2, 1)
LEVEL(avx2, 2)
LEVEL(avx512, 3)
