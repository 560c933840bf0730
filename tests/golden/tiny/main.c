/* Example: runs tiny once on a file of raw input and prints the best class with its score.
   The file holds TINY_INPUT_BYTES bytes: uint8_t, 9 rows x 7 columns x 3 channels, channels innermost (NHWC). */

#include "tiny.h"

#include <stdio.h>

static _Alignas(TINY_ARENA_ALIGNMENT) unsigned char arena[TINY_ARENA_BYTES];
static _Alignas(float) unsigned char input[TINY_INPUT_BYTES];
static float scores[TINY_OUTPUT_COUNT];

static int load(const char *path, unsigned char *bytes, size_t count) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        return 0;
    }
    int whole = fread(bytes, 1, count, file) == count && fgetc(file) == EOF;
    fclose(file);
    if (!whole) {
        fprintf(stderr, "%s does not hold exactly %lu bytes\n", path, (unsigned long)count);
    }
    return whole;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s INPUT\n", argc > 0 ? argv[0] : "tiny");
        return 2;
    }
    if (!load(argv[1], input, sizeof input)) {
        return 1;
    }
    int error = tiny_run(input, scores, arena);
    if (error != TINY_OK) {
        fprintf(stderr, "tiny returned error %d\n", error);
        return 1;
    }
    int best = 0;
    for (int i = 1; i < TINY_OUTPUT_COUNT; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    printf("%s %.9g\n", tiny_classes[best], (double)scores[best]);
    return 0;
}
