#include "linear_kernel.h"

#include <string.h>

#if MYNAH_X86

#include "linear_vnni_turn.h"

enum {
    /// Activation rows whose groups stay in the first-level cache together with the sums.
    ROWS = 32,
    /// Weight rows that share one pass over those groups.
    OUTPUTS = 4,
    /// How far ahead of the multiplication memory is asked for.
    AHEAD = 1024,
};

/// A short last group of `elements`, filled up with blocks whose scales are zero.
typedef struct { uint8_t bytes[MYNAH_BLOCKS * sizeof(mynah_block_q8_0)]; } filled;

MYNAH_TARGET_VNNI static __attribute__((noinline)) void fill(filled *f, const uint8_t *p, int64_t elements,
                                                             const int32_t type) {
    memset(f, 0, sizeof *f);
    memcpy(f->bytes, p, group_size(type) * (size_t)elements / MYNAH_GROUP);
}

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

VNNI __m512 add_group(__m512 sum, const turned *t, const mynah_group *x, const int32_t type) {
    if (type == MYNAH_Q6_K) { return add_q6_k(sum, t, x); }
    __m512i dot = type == MYNAH_Q8_0   ? _mm512_load_si512(x->owed_128)
                  : type == MYNAH_Q4_0 ? _mm512_load_si512(x->owed_8)
                                       : _mm512_setzero_si512();
    for (int i = 0; i < 8; ++i) { dot = _mm512_dpbusd_epi32(dot, t->w[i], _mm512_load_si512(x->q + 64 * i)); }
    if (type == MYNAH_Q4_K) { sum = _mm512_fnmadd_ps(t->second, _mm512_load_ps(x->scaled_sum), sum); }
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(t->scale, _mm512_load_ps(x->scale)), sum);
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

VNNI const uint8_t *row_of(const mynah_tile *t, int64_t i) { return t->data + (size_t)i * t->weight->row_bytes; }

/// Up to OUTPUTS weight rows with `rows` activation rows, whose sums stay in registers; decoding.
VNNI void few_rows(const mynah_tile *t, int64_t i, int64_t n, int64_t r, const int rows, const int32_t type) {
    const int64_t whole = t->k / MYNAH_GROUP, left = t->k % MYNAH_GROUP;
    __m512 sums[8][OUTPUTS];
    for (int64_t a = 0; a < n; ++a) {
        const uint8_t *row = row_of(t, i + a);
        __m512 sum[8];
        for (int b = 0; b < rows; ++b) { sum[b] = _mm512_setzero_ps(); }
        for (int64_t g = 0; g < whole; ++g) {
            turned w;
            const uint8_t *p = row + (size_t)g * group_size(type);
            turn(&w, p, type);
            prefetch(p + AHEAD, group_size(type));
            for (int b = 0; b < rows; ++b) { sum[b] = add_group(sum[b], &w, groups_of(t, r + b) + g, type); }
        }
        if (left > 0) {
            filled f;
            fill(&f, row + (size_t)whole * group_size(type), left, type);
            turned w;
            turn(&w, f.bytes, type);
            for (int b = 0; b < rows; ++b) { sum[b] = add_group(sum[b], &w, groups_of(t, r + b) + whole, type); }
        }
        for (int b = 0; b < rows; ++b) { sums[b][a] = sum[b]; }
    }
    for (int64_t a = n; a < OUTPUTS; ++a) {
        for (int b = 0; b < rows; ++b) { sums[b][a] = _mm512_setzero_ps(); }
    }
    for (int b = 0; b < rows; ++b) { store_sums(t, i, r + b, n, sums[b]); }
}

/// Group g of one weight row, short or whole.
VNNI void turn_any(turned *t, const uint8_t *row, int64_t g, int64_t k, const int32_t type) {
    const uint8_t *p = row + (size_t)g * group_size(type);
    const int64_t left = k - g * MYNAH_GROUP;
    if (left < MYNAH_GROUP) {
        filled f;
        fill(&f, p, left, type);
        turn(t, f.bytes, type);
    } else {
        turn(t, p, type);
    }
}

/// The same for up to ROWS activation rows, group by group and two weight rows at a time; prefilling.
VNNI void many_rows(const mynah_tile *t, int64_t i, int64_t n, int64_t r, int64_t rows, const int32_t type) {
    __m512 sums[ROWS][OUTPUTS];
    for (int64_t b = 0; b < rows; ++b) {
        for (int a = 0; a < OUTPUTS; ++a) { sums[b][a] = _mm512_setzero_ps(); }
    }
    // The next rows are asked for in the order of memory while these are read group by group.
    const uint8_t *next = row_of(t, i + n);
    for (int64_t g = 0; g < mynah_groups(t->k); ++g) {
        if (r == 0) {
            prefetch(next, (size_t)n * group_size(type));
            next += (size_t)n * group_size(type);
        }
        for (int64_t a = 0; a < n; a += 2) {
            // An odd last row is multiplied twice; the second sum is not stored.
            turned u, v;
            turn_any(&u, row_of(t, i + a), g, t->k, type);
            turn_any(&v, row_of(t, a + 1 < n ? i + a + 1 : i + a), g, t->k, type);
            for (int64_t b = 0; b < rows; ++b) {
                const mynah_group *x = groups_of(t, r + b) + g;
                sums[b][a] = add_group(sums[b][a], &u, x, type);
                sums[b][a + 1] = add_group(sums[b][a + 1], &v, x, type);
            }
        }
    }
    for (int64_t b = 0; b < rows; ++b) { store_sums(t, i, r + b, n, sums[b]); }
}

VNNI void tile(const mynah_tile *t, const int32_t type) {
    const int64_t parts = (t->rows + ROWS - 1) / ROWS;
    for (int64_t i = 0; i < t->count; i += OUTPUTS) {
        const int64_t n = t->count - i < OUTPUTS ? t->count - i : OUTPUTS;
        switch (t->rows) {
        case 1: few_rows(t, i, n, 0, 1, type); break;
        case 2: few_rows(t, i, n, 0, 2, type); break;
        case 3: few_rows(t, i, n, 0, 3, type); break;
        case 4: few_rows(t, i, n, 0, 4, type); break;
        case 8: few_rows(t, i, n, 0, 8, type); break;
        default:
            for (int64_t p = 0; p < parts; ++p) {
                const int64_t from = t->rows * p / parts, to = t->rows * (p + 1) / parts;
                many_rows(t, i, n, from, to - from, type);
            }
        }
    }
}

MYNAH_TARGET_VNNI static void tile_q8_0(const mynah_tile *t) { tile(t, MYNAH_Q8_0); }
MYNAH_TARGET_VNNI static void tile_q4_0(const mynah_tile *t) { tile(t, MYNAH_Q4_0); }
MYNAH_TARGET_VNNI static void tile_q4_k(const mynah_tile *t) { tile(t, MYNAH_Q4_K); }
MYNAH_TARGET_VNNI static void tile_q6_k(const mynah_tile *t) { tile(t, MYNAH_Q6_K); }

/// One block of 32 floats to bytes; the scale is returned.
VNNI float quantise_block(const float *x, int8_t *q) {
    const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
    const int loud = largest > MYNAH_SILENCE;
    const __m512 inverse = _mm512_set1_ps(loud ? 127.0f / largest : 0);
    _mm_store_si128((__m128i *)q, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(a, inverse))));
    _mm_store_si128((__m128i *)(q + 16), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(b, inverse))));
    return loud ? largest / 127.0f : 0;
}

MYNAH_TARGET_VNNI static void quantise(const mynah_weight *weight, const float *x, int64_t k, uint8_t *out) {
    (void)weight;
    mynah_group *groups = (mynah_group *)out;
    for (int64_t g = 0; g < mynah_groups(k); ++g) {
        mynah_group *group = &groups[g];
        _Alignas(64) int8_t bytes[MYNAH_GROUP];
        const int64_t left = (k - g * MYNAH_GROUP) / MYNAH_BLOCK;
        const int blocks = left < MYNAH_BLOCKS ? (int)left : MYNAH_BLOCKS;
        if (blocks < MYNAH_BLOCKS) {
            memset(bytes, 0, sizeof bytes);
            memset(group->scale, 0, sizeof group->scale);
        }
        for (int b = 0; b < blocks; ++b) {
            group->scale[b] = quantise_block(x + g * MYNAH_GROUP + b * MYNAH_BLOCK, bytes + b * MYNAH_BLOCK);
        }
        __m512i t[8], sum = _mm512_setzero_si512();
        turn32(t, (const uint8_t *)bytes, MYNAH_BLOCK);
        for (int i = 0; i < 8; ++i) {
            _mm512_store_si512(group->q + 64 * i, t[i]);
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), t[i]);
        }
        const __m512i minus = _mm512_sub_epi32(_mm512_setzero_si512(), sum);
        _mm512_store_si512(group->owed_8, _mm512_slli_epi32(minus, 3));
        _mm512_store_si512(group->owed_128, _mm512_slli_epi32(minus, 7));
        _mm512_store_ps(group->scaled_sum, _mm512_mul_ps(_mm512_load_ps(group->scale), _mm512_cvtepi32_ps(sum)));
    }
}

static size_t group_bytes(int64_t k) { return (size_t)mynah_groups(k) * sizeof(mynah_group); }

int mynah_kernel_vnni(int32_t type, mynah_kernel *kernel) {
    if (!(mynah_cpu_features() & MYNAH_CPU_AVX512_VNNI)) { return 0; }
    *kernel = (mynah_kernel){quantise, group_bytes, tile_q8_0};
    if (type == MYNAH_Q4_0) { kernel->dot = tile_q4_0; }
    if (type == MYNAH_Q4_K) { kernel->dot = tile_q4_k; }
    if (type == MYNAH_Q6_K) { kernel->dot = tile_q6_k; }
    return 1;
}

#else

int mynah_kernel_vnni(int32_t type, mynah_kernel *kernel) {
    (void)type;
    (void)kernel;
    return 0;
}

#endif
