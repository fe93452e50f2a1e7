#include "linear_kernel.h"

#include <string.h>

#if MYNAH_X86

#include "linear_vnni_dot.h"

enum {
    /// Activation rows whose groups stay in the first-level cache together with the sums.
    ROWS = 32,
    /// Weight rows that share one pass over those groups.
    OUTPUTS = 4,
    /// How far ahead of the multiplication memory is asked for, by one activation row and by several.
    NEAR = 1024,
    AHEAD = 3072,
};

/// A short last group of `elements`, filled up with blocks whose scales are zero.
typedef struct { uint8_t bytes[MYNAH_BLOCKS * sizeof(mynah_block_q8_0)]; } filled;

MYNAH_TARGET_VNNI static __attribute__((noinline)) void fill(filled *f, const uint8_t *p, int64_t elements,
                                                             const int32_t type) {
    memset(f, 0, sizeof *f);
    memcpy(f->bytes, p, group_size(type) * (size_t)elements / MYNAH_GROUP);
}

VNNI const uint8_t *row_of(const mynah_tile *t, int64_t i) { return t->data + (size_t)i * t->weight->row_bytes; }

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

/// Up to OUTPUTS weight rows with one activation row.
VNNI void one_row(const mynah_tile *t, int64_t i, int64_t n, const int32_t type) {
    const mynah_group *x = groups_of(t, 0);
    __m512 sums[OUTPUTS];
    for (int64_t a = 0; a < OUTPUTS; ++a) { sums[a] = _mm512_setzero_ps(); }
    for (int64_t a = 0; a < n; ++a) {
        const uint8_t *row = row_of(t, i + a);
        __m512 sum = _mm512_setzero_ps();
        for (int64_t g = 0; g < mynah_groups(t->k); ++g) {
            turned w;
            turn_any(&w, row, g, t->k, type);
            prefetch(row + (size_t)g * group_size(type) + NEAR, group_size(type));
            sum = add_group(sum, &w, x + g, type);
        }
        sums[a] = sum;
    }
    store_sums(t, i, 0, n, sums);
}

/// Two weight rows with two activation rows: four chains, so that none has to wait for itself.
VNNI void add_groups(__m512 *sum, __m512 *other, const turned *u, const turned *v, const mynah_group *x,
                     const mynah_group *y, const int32_t type) {
    if (type == MYNAH_Q6_K) {
        sum[0] = add_group(sum[0], u, x, type);
        sum[1] = add_group(sum[1], v, x, type);
        other[0] = add_group(other[0], u, y, type);
        other[1] = add_group(other[1], v, y, type);
        return;
    }
    __m512i a = owed(x, type), b = a, c = owed(y, type), d = c;
    for (int i = 0; i < 8; ++i) {
        const __m512i p = _mm512_load_si512(x->q + 64 * i), q = _mm512_load_si512(y->q + 64 * i);
        a = _mm512_dpbusd_epi32(a, u->w[i], p);
        b = _mm512_dpbusd_epi32(b, v->w[i], p);
        c = _mm512_dpbusd_epi32(c, u->w[i], q);
        d = _mm512_dpbusd_epi32(d, v->w[i], q);
    }
    sum[0] = add_scaled(sum[0], a, u, x, type);
    sum[1] = add_scaled(sum[1], b, v, x, type);
    other[0] = add_scaled(other[0], c, u, y, type);
    other[1] = add_scaled(other[1], d, v, y, type);
}

/// A turned pair of groups with every activation row, while memory ahead is asked for.
VNNI void pair_with_rows(__m512 (*sums)[OUTPUTS], int64_t a, const turned *u, const turned *v, const mynah_group *x,
                         size_t stride, int64_t rows, ahead *next, int64_t lines, const int32_t type) {
    for (int64_t b = 0; b < rows; b += 2) {
        const mynah_group *y = (const mynah_group *)((const uint8_t *)x + stride);
        ask(next, lines);
        if (b + 1 < rows) {
            add_groups(sums[b] + a, sums[b + 1] + a, u, v, x, y, type);
        } else {
            sums[b][a] = add_group(sums[b][a], u, x, type);
            sums[b][a + 1] = add_group(sums[b][a + 1], v, x, type);
        }
        x = (const mynah_group *)((const uint8_t *)y + stride);
    }
}

/// Up to OUTPUTS weight rows with up to ROWS activation rows, group by group and two weight rows at a time.
VNNI void many_rows(const mynah_tile *t, int64_t i, int64_t n, int64_t r, int64_t rows, const int32_t type) {
    __m512 sums[ROWS][OUTPUTS];
    for (int64_t b = 0; b < rows; ++b) {
        for (int a = 0; a < OUTPUTS; ++a) { sums[b][a] = _mm512_setzero_ps(); }
    }
    // The rows lie one after another: what comes next is asked for in the order of memory, whole rows ahead.
    const size_t bytes = (size_t)n * t->weight->row_bytes;
    const uint8_t *far = row_of(t, i) + (AHEAD + bytes - 1) / bytes * bytes;
    ahead next = {far, r == 0 ? far + bytes : far};
    const int64_t lines = (int64_t)(2 * group_size(type) / 64 + 1) / ((rows + 1) / 2) + 1;
    for (int64_t g = 0; g < mynah_groups(t->k); ++g) {
        for (int64_t a = 0; a < n; a += 2) {
            // An odd last row is multiplied twice; the second sum is not stored.
            turned u, v;
            turn_any(&u, row_of(t, i + a), g, t->k, type);
            turn_any(&v, row_of(t, a + 1 < n ? i + a + 1 : i + a), g, t->k, type);
            pair_with_rows(sums, a, &u, &v, groups_of(t, r) + g, t->activation_stride, rows, &next, lines, type);
        }
    }
    for (int64_t b = 0; b < rows; ++b) { store_sums(t, i, r + b, n, sums[b]); }
}

VNNI void tile(const mynah_tile *t, const int32_t type) {
    const int64_t parts = (t->rows + ROWS - 1) / ROWS;
    for (int64_t i = 0; i < t->count; i += OUTPUTS) {
        const int64_t n = t->count - i < OUTPUTS ? t->count - i : OUTPUTS;
        if (t->rows == 1) {
            one_row(t, i, n, type);
            continue;
        }
        for (int64_t p = 0; p < parts; ++p) {
            const int64_t from = t->rows * p / parts, to = t->rows * (p + 1) / parts;
            many_rows(t, i, n, from, to - from, type);
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

int32_t mynah_linear_turns(int32_t type) {
    return (type == MYNAH_Q4_0 || type == MYNAH_Q8_0) && (mynah_cpu_features() & MYNAH_CPU_AVX512_VNNI) != 0;
}

int mynah_kernel_vnni(int32_t type, mynah_kernel *kernel) {
    if (!(mynah_cpu_features() & MYNAH_CPU_AVX512_VNNI)) { return 0; }
    *kernel = (mynah_kernel){quantise, group_bytes, tile_q8_0};
    if (type == MYNAH_Q8_0_TURNED) { kernel->dot = mynah_turned_dot_q8_0; }
    if (type == MYNAH_Q4_0_TURNED) { kernel->dot = mynah_turned_dot_q4_0; }
    if (type == MYNAH_Q4_0) { kernel->dot = tile_q4_0; }
    if (type == MYNAH_Q4_K) { kernel->dot = tile_q4_k; }
    if (type == MYNAH_Q6_K) { kernel->dot = tile_q6_k; }
    return 1;
}

#else

int32_t mynah_linear_turns(int32_t type) {
    (void)type;
    return 0;
}

int mynah_kernel_vnni(int32_t type, mynah_kernel *kernel) {
    (void)type;
    (void)kernel;
    return 0;
}

#endif
