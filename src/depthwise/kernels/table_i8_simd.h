/* Any function of one value of 8 bits, by its table, with vectors of AVX-512, AVX2 or NEON; y may be x.
 *   x, y [.][width][channels], rows first .. last - 1; constants: table [256] uint8_t; workspace: none
 */
#ifndef DEPTHWISE_TABLE_I8_SIMD_H
#define DEPTHWISE_TABLE_I8_SIMD_H

#include "lanes_i8.h"

#if defined(DEPTHWISE_AVX512)
/* What `table`, as 128 pairs of bytes, says of q in 0 .. 255 of 16 bits; the upper half of each is anything. */
SIMD_INLINE __m512i table_i8_look(const __m512i *table, __m512i q)
{
    const __m512i pair = _mm512_srli_epi16(q, 1);
    const __m512i low = _mm512_permutex2var_epi16(table[0], pair, table[1]);
    const __m512i high = _mm512_permutex2var_epi16(table[2], pair, table[3]);
    const __m512i both = _mm512_mask_blend_epi16(_mm512_test_epi16_mask(q, _mm512_set1_epi16(128)), low, high);
    return _mm512_srlv_epi16(both, _mm512_slli_epi16(_mm512_and_si512(q, _mm512_set1_epi16(1)), 3));
}
#endif

/* What the table says of each byte. */
SIMD_INLINE simd_byte table_i8_bytes(const uint8_t *table, simd_byte q)
{
#if defined(DEPTHWISE_AVX512)
    const __m512i byte = _mm512_set1_epi16(255);
    __m512i tables[4], even, odd;
    SIMD_UNROLL for (int i = 0; i < 4; i++)
        tables[i] = _mm512_loadu_si512(table + 64 * i);
    even = table_i8_look(tables, _mm512_and_si512((__m512i)q, byte));
    odd = table_i8_look(tables, _mm512_srli_epi16((__m512i)q, 8));
    return (simd_byte)_mm512_or_si512(_mm512_and_si512(even, byte), _mm512_slli_epi16(odd, 8));
#elif defined(DEPTHWISE_AVX2)
    /* Of each 16 entries one by the lower four bits, and of these one by the upper four, bit by bit. */
    const __m256i lower = _mm256_and_si256((__m256i)q, _mm256_set1_epi8(15));
    __m256i found[16];
    SIMD_UNROLL for (int i = 0; i < 16; i++)
        found[i] = _mm256_shuffle_epi8(
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(table + 16 * i))), lower);
    SIMD_UNROLL for (int bit = 0; bit < 4; bit++)
        SIMD_UNROLL for (int i = 0; i < 8; i++)
            if (i < 8 >> bit)
                found[i] = _mm256_blendv_epi8(found[2 * i], found[2 * i + 1], _mm256_slli_epi16((__m256i)q, 3 - bit));
    return (simd_byte)found[0];
#elif defined(DEPTHWISE_NEON)
    uint8x16_t found = vqtbl4q_u8(vld1q_u8_x4(table), (uint8x16_t)q);
    found = vqtbx4q_u8(found, vld1q_u8_x4(table + 64), (uint8x16_t)(q - 64));
    found = vqtbx4q_u8(found, vld1q_u8_x4(table + 128), (uint8x16_t)(q - 128));
    return (simd_byte)vqtbx4q_u8(found, vld1q_u8_x4(table + 192), (uint8x16_t)(q - 192));
#else
    simd_byte found = q;
    for (int i = 0; i < LANES_BYTES; i++)
        found[i] = table[q[i]];
    return found;
#endif
}

static inline void table_i8_simd(const struct quantized_parameters *p, const uint8_t *x, const void *constants,
                                 uint8_t *y, void *workspace, int base, int first, int last)
{
    const int count = (last - first) * p->width * p->channels;

    (void)workspace, (void)base;
    DEPTHWISE_ASSERT(first <= last);
    for (int i = 0; i < count; i += LANES_BYTES)
        lanes_store(y + i, table_i8_bytes((const uint8_t *)constants, lanes_load(x + i, count - i)), count - i);
}

#endif
