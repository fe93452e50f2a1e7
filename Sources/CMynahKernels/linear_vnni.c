#include "linear_kernel.h"

#include <string.h>

#if MYNAH_X86

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

enum {
    /// Activation rows whose groups stay in the first-level cache together with the sums.
    ROWS = 32,
    /// Weight rows that share one pass over those groups.
    OUTPUTS = 4,
    /// How far ahead of the multiplication memory is asked for.
    AHEAD = 1024,
};

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
