// Dot products of turned groups with prepared activations; included by the VNNI kernels alone.
#ifndef MYNAH_LINEAR_VNNI_DOT_H
#define MYNAH_LINEAR_VNNI_DOT_H

#include "linear_vnni_turn.h"

/// q6_k scales each half of a block, four steps, and its values are 32 too large.
VNNI __m512 add_q6_k(__m512 sum, const turned *t, const mynah_group *x) {
    const __m512i offset = _mm512_set1_epi8(32);
    __m512i dot[2], owed[2];
    for (int h = 0; h < 2; ++h) {
        dot[h] = owed[h] = _mm512_setzero_si512();
        for (int i = 4 * h; i < 4 * h + 4; ++i) {
            const __m512i q = _mm512_load_si512(x->q + 64 * i);
            dot[h] = _mm512_dpbusd_epi32(dot[h], t->w[i], q);
            owed[h] = _mm512_dpbusd_epi32(owed[h], offset, q);
        }
        dot[h] = _mm512_sub_epi32(dot[h], owed[h]);
    }
    const __m512 scale = _mm512_load_ps(x->scale);
    sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[0]), _mm512_mul_ps(t->scale, scale), sum);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[1]), _mm512_mul_ps(t->second, scale), sum);
}

/// What weights stored with an offset owe.
VNNI __m512i owed(const mynah_group *x, const int32_t type) {
    return type == MYNAH_Q8_0   ? _mm512_load_si512(x->owed_128)
           : type == MYNAH_Q4_0 ? _mm512_load_si512(x->owed_8)
                                : _mm512_setzero_si512();
}

VNNI __m512 add_scaled(__m512 sum, __m512i dot, const turned *t, const mynah_group *x, const int32_t type) {
    if (type == MYNAH_Q4_K) { sum = _mm512_fnmadd_ps(t->second, _mm512_load_ps(x->scaled_sum), sum); }
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(t->scale, _mm512_load_ps(x->scale)), sum);
}

VNNI __m512 add_group(__m512 sum, const turned *t, const mynah_group *x, const int32_t type) {
    if (type == MYNAH_Q6_K) { return add_q6_k(sum, t, x); }
    __m512i dot = owed(x, type);
    for (int i = 0; i < 8; ++i) { dot = _mm512_dpbusd_epi32(dot, t->w[i], _mm512_load_si512(x->q + 64 * i)); }
    return add_scaled(sum, dot, t, x, type);
}

/// The sums of the lanes of four vectors, each by the same tree.
VNNI __m128 lanes4(const __m512 *v) {
    const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x44), _mm512_shuffle_f32x4(v[0], v[1], 0xee));
    const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x44), _mm512_shuffle_f32x4(v[2], v[3], 0xee));
    __m512 s = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    s = _mm512_add_ps(s, _mm512_shuffle_ps(s, s, 0x4e));
    s = _mm512_add_ps(s, _mm512_shuffle_ps(s, s, 0xb1));
    const __m512i pick = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(pick, s));
}

VNNI void store_sums(const mynah_tile *t, int64_t i, int64_t r, int64_t n, const __m512 *sums) {
    const __m128 out = lanes4(sums);
    _mm_mask_storeu_ps(t->out + r * t->out_stride + i, (__mmask8)((1 << n) - 1), out);
}

VNNI const mynah_group *groups_of(const mynah_tile *t, int64_t r) {
    return (const mynah_group *)(t->activations + (size_t)r * t->activation_stride);
}

#endif
