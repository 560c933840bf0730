/* The machine's peak: fused multiply-adds on registers only, as many independent chains as hide their latency.
 *
 * The vector is as wide as the compiler's flags allow. 12 sums and 2 factors fit into 16 registers; a fused multiply-add
 * takes 4 to 5 cycles and two begin in each, so 10 chains are enough.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

/* The constraint by which inline assembly names a vector register. */
#if defined(__x86_64__) || defined(__i386__)
#define REGISTER "+v"
#else
#define REGISTER "+w"
#endif

enum { LANES = BYTES / 4, CHAINS = 12, STEPS = 4096, MOST_THREADS = 256 };

typedef float vector __attribute__((vector_size(BYTES)));

struct work {
    double seconds, macs, began, ended;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* STEPS multiply-adds in each of CHAINS chains. The factor keeps the sums finite; the return value keeps them alive. */
static float chains(void)
{
    vector a = {0}, b = {0};
    a += 0.5f;
    b += 1.0f;
    vector s0 = b, s1 = b, s2 = b, s3 = b, s4 = b, s5 = b, s6 = b, s7 = b, s8 = b, s9 = b, s10 = b, s11 = b;
    for (int i = 0; i < STEPS; i++) {
        /* Hides the factors, so that the loop cannot be computed beforehand. */
        __asm__ volatile("" : REGISTER(a), REGISTER(b));
        s0 = s0 * a + b, s1 = s1 * a + b, s2 = s2 * a + b, s3 = s3 * a + b;
        s4 = s4 * a + b, s5 = s5 * a + b, s6 = s6 * a + b, s7 = s7 * a + b;
        s8 = s8 * a + b, s9 = s9 * a + b, s10 = s10 * a + b, s11 = s11 * a + b;
    }
    s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
    return s0[0];
}

static void *work(void *argument)
{
    struct work *w = argument;
    volatile float kept = chains();
    w->macs = 0;
    w->began = w->ended = now();
    while (w->ended - w->began < w->seconds) {
        kept = chains();
        w->macs += (double)CHAINS * STEPS * LANES;
        w->ended = now();
    }
    (void)kept;
    return 0;
}

/* Multiply-accumulates a second of `threads` threads together, each busy for `seconds`; 0 if they cannot be started. */
double peak_float32(int threads, double seconds)
{
    static struct work works[MOST_THREADS];
    pthread_t others[MOST_THREADS];
    if (threads < 1 || threads > MOST_THREADS)
        return 0;
    for (int i = 0; i < threads; i++)
        works[i].seconds = seconds;
    for (int i = 1; i < threads; i++)
        if (pthread_create(&others[i], 0, work, &works[i]))
            return 0;
    work(&works[0]);
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        if (i)
            pthread_join(others[i], 0);
        sum += works[i].macs / (works[i].ended - works[i].began);
    }
    return sum;
}
