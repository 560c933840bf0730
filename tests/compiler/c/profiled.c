/* Runs `network` twice on its weights as input, with a clock that ticks at every look; prints what the runs took, call by call. */
#include <stdio.h>

#include "network.h"

static _Alignas(NETWORK_ARENA_ALIGNMENT) unsigned char arena[NETWORK_ARENA_BYTES];
static _Alignas(float) unsigned char input[NETWORK_INPUT_BYTES];
static float output[NETWORK_OUTPUT_BYTES / sizeof(float)];
static struct network_time times[NETWORK_CALL_COUNT];
static _Alignas(NETWORK_ARENA_ALIGNMENT) unsigned char weights[NETWORK_WEIGHT_BYTES];

NETWORK_TICK ticks(void)
{
    static NETWORK_TICK now = 100;

    return ++now;
}

int main(void)
{
    for (int run = 0; run < 2; run++)
        if (network_run_profiled(weights, input, output, arena, times) != NETWORK_OK)
            return 1;
    if (network_run_profiled(weights, input, output, arena, NULL) != NETWORK_OK)
        return 1;
    for (int call = 0; call < NETWORK_CALL_COUNT; call++)
        printf("%s %u %u %u\n", times[call].name, (unsigned)times[call].ticks, (unsigned)times[call].count,
               (unsigned)times[call].segment);
    return 0;
}
