// How sixteen blocks of quantised weights are turned in registers; included by linear_vnni.c alone.
#ifndef MYNAH_LINEAR_VNNI_TURN_H
#define MYNAH_LINEAR_VNNI_TURN_H

#include "linear_kernel.h"

// A group is 16 blocks of 32. Its weights are turned in registers so that vector t holds, in lane b, elements
// 4t ... 4t + 3 of block b; the activations lie in memory that way. Eight dot-product instructions then leave the
// exact integer product of block b in lane b, and one multiply-add per group scales all sixteen. The turning is done
// once however many activation rows there are, and each (row, output) adds its groups in order, so results do not
// depend on the batch.

typedef struct {
    __m512i w[8];
    __m512 scale;
    /// q4_k: what to take away, times the activation's scaled sum. q6_k: the scale of each block's second half.
    __m512 second;
} turned;

#define VNNI MYNAH_INLINE MYNAH_TARGET_VNNI

/// Four registers whose 128-bit lane l holds 16 bytes of blocks 4l ... 4l + 3, to four with one dword of each.
VNNI void turn4(__m512i *out, __m512i a, __m512i b, __m512i c, __m512i d) {
    const __m512i ab = _mm512_unpacklo_epi32(a, b), cd = _mm512_unpacklo_epi32(c, d);
    const __m512i ab2 = _mm512_unpackhi_epi32(a, b), cd2 = _mm512_unpackhi_epi32(c, d);
    out[0] = _mm512_unpacklo_epi64(ab, cd);
    out[1] = _mm512_unpackhi_epi64(ab, cd);
    out[2] = _mm512_unpacklo_epi64(ab2, cd2);
    out[3] = _mm512_unpackhi_epi64(ab2, cd2);
}

/// Sixteen blocks of 32 bytes, `stride` bytes apart.
VNNI void turn32(__m512i *out, const uint8_t *p, size_t stride) {
    __m512i low[4], high[4];
    for (int g = 0; g < 4; ++g) {
        const uint8_t *q = p + (size_t)g * stride;
        const __m512i a = _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)q)),
            _mm256_loadu_si256((const __m256i *)(q + 4 * stride)), 1);
        const __m512i b = _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(q + 8 * stride))),
            _mm256_loadu_si256((const __m256i *)(q + 12 * stride)), 1);
        low[g] = _mm512_shuffle_i64x2(a, b, 0x88);
        high[g] = _mm512_shuffle_i64x2(a, b, 0xdd);
    }
    turn4(out, low[0], low[1], low[2], low[3]);
    turn4(out + 4, high[0], high[1], high[2], high[3]);
}

/// Sixteen 16-byte pieces, at the offset that each lane's four blocks have.
VNNI __m512i load4(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d) {
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)a));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)b), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)c), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)d), 3);
}

/// Sixteen half-precision numbers, `stride` bytes apart.
VNNI __m512 load_scales(const uint8_t *p, size_t stride) {
    __m128i low = _mm_setzero_si128(), high = _mm_setzero_si128();
#define LANE(i)                                                                                                      \
    low = _mm_insert_epi16(low, *(const uint16_t *)(p + i * stride), i);                                             \
    high = _mm_insert_epi16(high, *(const uint16_t *)(p + (i + 8) * stride), i);
    LANE(0) LANE(1) LANE(2) LANE(3) LANE(4) LANE(5) LANE(6) LANE(7)
#undef LANE
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
}

VNNI void prefetch(const uint8_t *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64) { _mm_prefetch((const char *)p + i, _MM_HINT_T0); }
}

/// A stretch of memory that will be read: asked for a piece at a time into the second-level cache, so that neither the
/// requests crowd nor the first level's own rows give way.
typedef struct { const uint8_t *at, *end; } ahead;

VNNI void ask(ahead *a, int64_t lines) {
    for (; lines > 0 && a->at < a->end; --lines, a->at += 64) { _mm_prefetch((const char *)a->at, _MM_HINT_T1); }
}

VNNI void turn_q8_0(turned *t, const uint8_t *p) {
    const size_t stride = sizeof(mynah_block_q8_0);
    turn32(t->w, p + 2, stride);
    for (int i = 0; i < 8; ++i) { t->w[i] = _mm512_xor_si512(t->w[i], _mm512_set1_epi8((char)0x80)); }
    t->scale = load_scales(p, stride);
}

VNNI void turn_q4_0(turned *t, const uint8_t *p) {
    const size_t stride = sizeof(mynah_block_q4_0);
    __m512i v[4], q[4];
    for (int g = 0; g < 4; ++g) {
        const uint8_t *a = p + 2 + (size_t)g * stride;
        v[g] = load4(a, a + 4 * stride, a + 8 * stride, a + 12 * stride);
    }
    turn4(q, v[0], v[1], v[2], v[3]);
    const __m512i nibble = _mm512_set1_epi8(15);
    for (int i = 0; i < 4; ++i) {
        t->w[i] = _mm512_and_si512(q[i], nibble);
        t->w[4 + i] = _mm512_and_si512(_mm512_srli_epi16(q[i], 4), nibble);
    }
    t->scale = load_scales(p, stride);
}

VNNI void turn_q4_k(turned *t, const uint8_t *p) {
    const mynah_block_q4_k *s = (const mynah_block_q4_k *)p;
    const uint8_t *a = s[0].q, *b = s[1].q;
    // Lane l of these: superblock l / 2, 32-byte run 2 (l % 2) or the next, elements 0-15 or 16-31.
    const __m512i even = load4(a, a + 64, b, b + 64), odd = load4(a + 32, a + 96, b + 32, b + 96);
    const __m512i even2 = load4(a + 16, a + 80, b + 16, b + 80), odd2 = load4(a + 48, a + 112, b + 48, b + 112);
    const __m512i shift = _mm512_set1_epi64(4ll << 32), nibble = _mm512_set1_epi8(15);
    // A run's low nibbles are one block and its high nibbles the next, so each dword is taken twice.
#define PICK(x, y, n)                                                                                                \
    _mm512_and_si512(_mm512_srlv_epi32(_mm512_castps_si512(_mm512_shuffle_ps(                                        \
                                           _mm512_castsi512_ps(x), _mm512_castsi512_ps(y), n * 0x55)),               \
                                       shift),                                                                       \
                     nibble)
    t->w[0] = PICK(even, odd, 0);
    t->w[1] = PICK(even, odd, 1);
    t->w[2] = PICK(even, odd, 2);
    t->w[3] = PICK(even, odd, 3);
    t->w[4] = PICK(even2, odd2, 0);
    t->w[5] = PICK(even2, odd2, 1);
    t->w[6] = PICK(even2, odd2, 2);
    t->w[7] = PICK(even2, odd2, 3);
#undef PICK
    uint64_t scales[2], minima[2];
    mynah_q4_k_scales(s[0].scales, &scales[0], &minima[0]);
    mynah_q4_k_scales(s[1].scales, &scales[1], &minima[1]);
    const __m128i ds = _mm_set_epi64x((int64_t)scales[1], (int64_t)scales[0]);
    const __m128i ms = _mm_set_epi64x((int64_t)minima[1], (int64_t)minima[0]);
    const __m512 d = _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set1_ps(_cvtsh_ss(s[0].d))),
                                        _mm256_set1_ps(_cvtsh_ss(s[1].d)), 1);
    const __m512 m = _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set1_ps(_cvtsh_ss(s[0].dmin))),
                                        _mm256_set1_ps(_cvtsh_ss(s[1].dmin)), 1);
    t->scale = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(ds)));
    t->second = _mm512_mul_ps(m, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(ms)));
}

VNNI void turn_q6_k(turned *t, const uint8_t *p) {
    const mynah_block_q6_k *s = (const mynah_block_q6_k *)p;
    const __m512i nibble = _mm512_set1_epi8(15), top = _mm512_set1_epi8(0x30);
    const __m512i by4 = _mm512_setr4_epi32(0, 0, 4, 4), by2 = _mm512_setr4_epi32(0, 2, 4, 6);
    for (int h = 0; h < 2; ++h) {
        // Lane l: half l % 2 of superblock l / 2. Its four blocks are the low nibbles of two 32-byte runs, then the
        // high nibbles; two more bits of each lie in one byte of the third run.
        const uint8_t *a = s[0].low + 16 * h, *b = s[1].low + 16 * h;
        const uint8_t *c = s[0].high + 16 * h, *d = s[1].high + 16 * h;
        const __m512i even = load4(a, a + 64, b, b + 64), odd = load4(a + 32, a + 96, b + 32, b + 96);
        const __m512i bits = load4(c, c + 32, d, d + 32);
#define PICK(n)                                                                                                     \
    do {                                                                                                            \
        const __m512i pair = _mm512_castps_si512(                                                                   \
            _mm512_shuffle_ps(_mm512_castsi512_ps(even), _mm512_castsi512_ps(odd), n * 0x55));                      \
        const __m512i low = _mm512_srlv_epi32(_mm512_shuffle_epi32(pair, 0xd8), by4);                               \
        const __m512i high = _mm512_srlv_epi32(_mm512_shuffle_epi32(bits, n * 0x55), by2);                          \
        t->w[4 * h + n] = _mm512_or_si512(_mm512_and_si512(low, nibble),                                            \
                                          _mm512_and_si512(_mm512_slli_epi32(high, 4), top));                       \
    } while (0)
        PICK(0);
        PICK(1);
        PICK(2);
        PICK(3);
#undef PICK
    }
    const __m512 d = _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set1_ps(_cvtsh_ss(s[0].d))),
                                        _mm256_set1_ps(_cvtsh_ss(s[1].d)), 1);
    // Sixteen pairs of signed bytes: the scales of a block's halves.
    const __m256i pairs = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)s[0].scales)),
        _mm_loadu_si128((const __m128i *)s[1].scales), 1);
    const __m512i wide = _mm512_cvtepi16_epi32(pairs);
    t->scale = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(wide, 24), 24)));
    t->second = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_srai_epi32(wide, 8)));
}

VNNI size_t group_size(const int32_t type) {
    switch (type) {
    case MYNAH_Q8_0: return MYNAH_BLOCKS * sizeof(mynah_block_q8_0);
    case MYNAH_Q4_0: return MYNAH_BLOCKS * sizeof(mynah_block_q4_0);
    case MYNAH_Q4_K: return 2 * sizeof(mynah_block_q4_k);
    default: return 2 * sizeof(mynah_block_q6_k);
    }
}

VNNI void turn(turned *t, const uint8_t *p, const int32_t type) {
    if (type == MYNAH_Q8_0) {
        turn_q8_0(t, p);
    } else if (type == MYNAH_Q4_0) {
        turn_q4_0(t, p);
    } else if (type == MYNAH_Q4_K) {
        turn_q4_k(t, p);
    } else {
        turn_q6_k(t, p);
    }
}

#endif
