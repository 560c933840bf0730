/* Runs `network` on every image of a file, one after the other, and writes all outputs to another. */
#include "network.h"

#include <stdio.h>

static _Alignas(NETWORK_ARENA_ALIGNMENT) unsigned char arena[NETWORK_ARENA_BYTES];
static _Alignas(64) unsigned char input[NETWORK_INPUT_BYTES];
static float output[NETWORK_OUTPUT_COUNT];

int main(int count, char **names)
{
    FILE *in = count == 3 ? fopen(names[1], "rb") : NULL, *out = count == 3 ? fopen(names[2], "wb") : NULL;

    if (in == NULL || out == NULL)
        return 2;
    while (fread(input, 1, sizeof input, in) == sizeof input)
        if (network_run(input, output, arena) != NETWORK_OK || fwrite(output, sizeof output, 1, out) != 1)
            return 1;
    return fclose(out);
}
