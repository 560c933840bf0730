/* Runs a network on one thread and on several, many times and from two callers of one pool at once; 0 if all bits agree. */
#include "network.h"
#include "network_threads.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MOST 5

static _Alignas(NETWORK_ARENA_ALIGNMENT) unsigned char weights[NETWORK_WEIGHT_BYTES];
static _Alignas(float) unsigned char input[NETWORK_INPUT_BYTES];
static _Alignas(float) unsigned char expected[NETWORK_OUTPUT_BYTES];
static struct network_threads pool;

struct caller {
    _Alignas(NETWORK_ARENA_ALIGNMENT) unsigned char arena[NETWORK_ARENA_BYTES_FOR(MOST)];
    _Alignas(float) unsigned char output[NETWORK_OUTPUT_BYTES];
    int wrong;
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    for (int i = 0; i < 10; i++) {
        const int threads = 1 + i % MOST;
        memset(caller->output, 0xFF, sizeof caller->output);
        caller->wrong |= network_run_parallel(weights, input, caller->output, caller->arena, threads, network_threads_for, &pool);
        caller->wrong |= memcmp(caller->output, expected, sizeof expected) != 0;
    }
    return NULL;
}

/* Counts; more tasks than threads, and more than the pool has bits. */
static void count(void *context, int index)
{
    __atomic_add_fetch((int *)context + index % 7, 1, __ATOMIC_RELAXED);
}

int main(void)
{
    static struct caller callers[2];
    int counts[7] = {0};
    pthread_t other;
    FILE *file = fopen("network_weights.bin", "rb");

    if (!file || fread(weights, 1, sizeof weights, file) != sizeof weights)
        return 2;
    fclose(file);
    for (int i = 0; i < NETWORK_INPUT_BYTES; i++)
        input[i] = (unsigned char)(i * 37);
    memset(expected, 0xFF, sizeof expected);
    if (network_run_with_weights(weights, input, expected, callers[0].arena) != NETWORK_OK)
        return 3;
    if (network_threads_start(&pool, 2) != 2 || network_threads_grow(&pool, 3) != 3)
        return 4;
    network_threads_for(&pool, 70, count, counts);
    for (int i = 0; i < 7; i++)
        if (counts[i] != 10)
            return 5;
    pthread_create(&other, NULL, call, &callers[1]);
    call(&callers[0]);
    pthread_join(other, NULL);
    network_threads_stop(&pool);
    return callers[0].wrong || callers[1].wrong ? 6 : 0;
}
