/* A loop whose sums cannot all stay in registers: 40 vectors. It shows that the check of inner loops can fail. */
#include "simd.h"

void spilling(const float *x, const float *w, float *y, int count);
void spilling(const float *x, const float *w, float *y, int count)
{
    simd sum[40];

    for (int i = 0; i < 40; i++)
        sum[i] = simd_load(y + i * SIMD_WIDTH);
    for (int k = 0; k < count; k++)
        SIMD_UNROLL for (int i = 0; i < 8; i++) {
            SIMD_UNROLL for (int j = 0; j < 5; j++)
                sum[i * 5 + j] = simd_fma(simd_all(x[8 * k + i]), simd_load(w + (5 * k + j) * SIMD_WIDTH), sum[i * 5 + j]);
        }
    for (int i = 0; i < 40; i++)
        simd_store(y + i * SIMD_WIDTH, sum[i]);
}
