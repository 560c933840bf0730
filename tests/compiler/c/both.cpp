// Two networks in one C++ program: prints the first output of each on an input of zeros, and what bad pointers give.
#include <cstdio>

#include "first.h"
#include "second.h"

alignas(FIRST_ARENA_ALIGNMENT) static unsigned char arena[FIRST_ARENA_BYTES + SECOND_ARENA_BYTES];
static unsigned char input[FIRST_INPUT_BYTES + SECOND_INPUT_BYTES];
static float scores[FIRST_OUTPUT_COUNT + SECOND_OUTPUT_COUNT];

int main()
{
    if (first_run(input, scores, arena) != FIRST_OK)
        return 1;
    std::printf("%.9g\n", static_cast<double>(scores[0]));
    if (second_run(input, scores, arena) != SECOND_OK)
        return 1;
    std::printf("%.9g\n", static_cast<double>(scores[0]));
    std::printf("%d %d %d %d\n", first_run(nullptr, scores, arena), first_run(input, nullptr, arena),
                first_run(input, scores, nullptr), first_run(input, scores, arena + 4));
    std::printf("%s\n", second_classes[1]);
    return 0;
}
