/* Runs the network `network` on a file of inputs with guard words round input, output and arena; writes the outputs.
 * Usage: guard INPUTS OUTPUTS. Exit code 0: all good; 1: a file; 2: an error code; 3: a guard word was overwritten. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

#define GUARD 64
#define MARK 0xA5

/* Memory of `size` bytes at an aligned address, GUARD marked bytes before and after it. */
static unsigned char *guarded(size_t size)
{
    const size_t whole = (size + 3 * GUARD) / GUARD * GUARD;
    unsigned char *memory = aligned_alloc(GUARD, whole);

    if (memory == NULL)
        exit(1);
    memset(memory, MARK, whole);
    return memory + GUARD;
}

static int intact(const unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < GUARD; i++)
        if (memory[i - GUARD] != MARK || memory[size + i] != MARK)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    unsigned char *input = guarded(NETWORK_INPUT_BYTES);
    unsigned char *output = guarded(NETWORK_OUTPUT_BYTES);
    unsigned char *arena = guarded(NETWORK_ARENA_BYTES);
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *out = argc == 3 ? fopen(argv[2], "wb") : NULL;

    if (in == NULL || out == NULL)
        return 1;
    while (fread(input, 1, NETWORK_INPUT_BYTES, in) == NETWORK_INPUT_BYTES) {
        if (network_run(input, output, arena) != NETWORK_OK)
            return 2;
        if (!intact(input, NETWORK_INPUT_BYTES) || !intact(output, NETWORK_OUTPUT_BYTES) ||
            !intact(arena, NETWORK_ARENA_BYTES))
            return 3;
        if (fwrite(output, 1, NETWORK_OUTPUT_BYTES, out) != NETWORK_OUTPUT_BYTES)
            return 1;
    }
    fclose(in);
    fclose(out);
    free(input - GUARD);
    free(output - GUARD);
    free(arena - GUARD);
    return 0;
}
