#include "mynah_attention.h"

#include <math.h>

#include "vector_math.h"

enum {
    /// Positions whose scores are held at once. Blocks start at a row's first attended position, so the order of
    /// additions depends on that row alone.
    SCORES = 32,
    WIDEST = 256,
    /// Query heads that share one pass over a key/value head.
    TOGETHER = 2,
    /// Key/value heads, and query heads, that share one walk along the cache.
    KV_HEADS = 8,
    HEADS = 128,
};

int32_t mynah_attend_supports(int64_t heads, int64_t kv_heads, int64_t head_width) {
    return heads > 0 && kv_heads > 0 && heads % kv_heads == 0 && head_width > 0 && head_width % 16 == 0
           && head_width <= WIDEST && heads / kv_heads <= HEADS;
}

static uint16_t half_of(float x) {
    // Round to nearest even by adding a constant that pushes the discarded bits off the end of the mantissa.
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const uint32_t sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    if (u > 0x7f800000u) { return (uint16_t)(sign | 0x7e00u); }
    if (u >= 0x477ff000u) { return (uint16_t)(sign | 0x7c00u); }
    if (u < 0x38800000u) {
        float f;
        memcpy(&f, &u, sizeof f);
        f += 0.5f;
        memcpy(&u, &f, sizeof u);
        return (uint16_t)(sign | (u - 0x3f000000u));
    }
    u += 0xfffu + ((u >> 13) & 1u);
    return (uint16_t)(sign | ((u - 0x38000000u) >> 13));
}

static void narrow_portable(uint16_t *y, const float *x, int64_t count) {
    for (int64_t i = 0; i < count; ++i) { y[i] = half_of(x[i]); }
}

#if MYNAH_X86
MYNAH_TARGET_AVX2 static void narrow_avx2(uint16_t *y, const float *x, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm_storeu_si128((__m128i *)(y + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    }
    narrow_portable(y + i, x + i, count - i);
}
#endif

static void narrow(uint16_t *y, const float *x, int64_t count) {
#if MYNAH_X86
    if (mynah_cpu_features() & MYNAH_CPU_AVX2) {
        narrow_avx2(y, x, count);
        return;
    }
#endif
    narrow_portable(y, x, count);
}

void mynah_cache_store(const mynah_cache_store_args *a, int32_t ith, int32_t nth) {
    const int64_t from = 2 * a->rows * ith / nth, to = 2 * a->rows * (ith + 1) / nth;
    for (int64_t i = from; i < to; ++i) {
        const int64_t r = i / 2;
        if (a->slots[r] < 0) { continue; }
        const float *x = i % 2 ? a->v + r * a->v_stride : a->k + r * a->k_stride;
        void *cache = i % 2 ? a->cache_v : a->cache_k;
        const int64_t at = (int64_t)a->slots[r] * a->width;
        if (a->type == MYNAH_CACHE_F16) {
            narrow((uint16_t *)cache + at, x, a->width);
        } else {
            memcpy((float *)cache + at, x, (size_t)a->width * sizeof(float));
        }
    }
}

MYNAH_INLINE void load_cache(mynah_v16 *v, const void *row, int64_t i, const int32_t type) {
    if (type == MYNAH_CACHE_F16) {
        v_load_half(v, (const uint16_t *)row + i);
    } else {
        v_load(v, (const float *)row + i);
    }
}

/// The span of one (row, key/value head) pair.
typedef struct {
    const uint8_t *k, *v;
    size_t row_bytes;
    int64_t base, capacity, first, last;
} span;

MYNAH_INLINE const uint8_t *cache_row(const uint8_t *cache, const span *s, int64_t index) {
    while (index >= s->capacity) { index -= s->capacity; }
    return cache + (size_t)(s->base + index) * s->row_bytes;
}

/// score[h][j] = q[h] . key of ring index `from` + j, for `many` positions known where this is inlined.
MYNAH_INLINE void score_some(float (*score)[SCORES], const span *s, const float *q, int64_t from, int j, const int64_t d,
                             const int n, const int many, const int32_t type) {
    const uint8_t *rows[4];
    mynah_v16 dot[TOGETHER][4];
    for (int m = 0; m < many; ++m) {
        rows[m] = cache_row(s->k, s, from + j + m);
        for (int h = 0; h < n; ++h) { dot[h][m] = (mynah_v16)(0.0f); }
    }
    for (int64_t i = 0; i < d; i += 16) {
        mynah_v16 query[TOGETHER];
        for (int h = 0; h < n; ++h) { v_load(&query[h], q + h * d + i); }
        for (int m = 0; m < many; ++m) {
            mynah_v16 key;
            load_cache(&key, rows[m], i, type);
            for (int h = 0; h < n; ++h) { dot[h][m] = key * query[h] + dot[h][m]; }
        }
    }
    for (int h = 0; h < n; ++h) {
        if (many == 4) {
            v_sum4(&score[h][j], dot[h]);
        } else {
            score[h][j] = v_sum(&dot[h][0]);
        }
    }
}

/// Turns scores into weights e^(scale * score - top); returns the factor for what was summed under the old top.
MYNAH_INLINE float soften(float *score, int count, float scale, float *top, float *total) {
    for (int j = count; j < SCORES; ++j) { score[j] = -INFINITY; }
    mynah_v16 part[SCORES / 16], highest = (mynah_v16)(*top);
    for (int j = 0; j < SCORES / 16; ++j) {
        v_load(&part[j], score + 16 * j);
        part[j] *= scale;
        highest = __builtin_elementwise_max(highest, part[j]);
    }
    float most[16];
    v_store(most, &highest);
    for (int width = 8; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) { most[i] = most[i] > most[i + width] ? most[i] : most[i + width]; }
    }
    mynah_v16 shrink = (mynah_v16)(*top - most[0]), added = (mynah_v16)(0.0f);
    v_exp(&shrink, &shrink);
    for (int j = 0; j < SCORES / 16; ++j) {
        part[j] -= most[0];
        v_exp(&part[j], &part[j]);
        v_store(score + 16 * j, &part[j]);
        added += part[j];
    }
    *top = most[0];
    *total = *total * shrink[0] + v_sum(&added);
    return shrink[0];
}

/// Adds a block of positions to `n` query heads over one key/value head; y holds what was summed so far.
MYNAH_INLINE void add_block(const span *s, int64_t t, const float *q, float *y, float *top, float *total,
                            const int64_t d, const int n, float scale, const int32_t type) {
    _Alignas(64) float score[TOGETHER][SCORES];
    mynah_v16 sum[TOGETHER][WIDEST / 16];
    const int64_t from = t % s->capacity;
    const int count = s->last - t + 1 < SCORES ? (int)(s->last - t + 1) : SCORES;
    int j = 0;
    for (; j + 4 <= count; j += 4) { score_some(score, s, q, from, j, d, n, 4, type); }
    for (; j < count; ++j) { score_some(score, s, q, from, j, d, n, 1, type); }
    for (int h = 0; h < n; ++h) {
        const float shrink = soften(score[h], count, scale, &top[h], &total[h]);
        for (int64_t i = 0; i < d / 16; ++i) {
            v_load(&sum[h][i], y + h * d + i * 16);
            sum[h][i] *= shrink;
        }
    }
    for (j = 0; j < count; ++j) {
        const uint8_t *v = cache_row(s->v, s, from + j);
        for (int64_t i = 0; i < d / 16; ++i) {
            mynah_v16 value;
            load_cache(&value, v, i * 16, type);
            for (int h = 0; h < n; ++h) { sum[h][i] = value * score[h][j] + sum[h][i]; }
        }
    }
    for (int h = 0; h < n; ++h) {
        for (int64_t i = 0; i < d / 16; ++i) { v_store(y + h * d + i * 16, &sum[h][i]); }
    }
}

/// Asks for part `g` of `parts` of the block at `t`, `bytes` of every row, ahead of its turn: a row of the cache at a
/// time, which is the order of memory.
MYNAH_INLINE void fetch_block(const span *s, int64_t t, int64_t g, int64_t parts, int64_t bytes) {
    const int64_t left = s->last - t + 1, count = left < SCORES ? left : SCORES;
    for (int64_t j = count * g / parts; j < count * (g + 1) / parts; ++j) {
        const size_t at = (size_t)(s->base + (t + j) % s->capacity) * s->row_bytes;
        for (int64_t i = 0; i < bytes; i += 64) {
            __builtin_prefetch(s->k + at + i, 0, 2);
            __builtin_prefetch(s->v + at + i, 0, 2);
        }
    }
}

/// `count` neighbouring key/value heads of one row, and `group` query heads to each.
MYNAH_INLINE void heads_of(const span *s, const float *q, float *y, int64_t count, int64_t group, const int64_t d,
                           float scale, const int32_t type) {
    const int64_t bytes = d * (type == MYNAH_CACHE_F16 ? 2 : 4);
    float top[HEADS], total[HEADS];
    for (int64_t h = 0; h < count * group; ++h) {
        top[h] = -INFINITY;
        total[h] = 0;
    }
    memset(y, 0, (size_t)(count * group * d) * sizeof(float));
    for (int64_t t = s->first; t <= s->last; t += SCORES) {
        for (int64_t g = 0; g < count; ++g) {
            fetch_block(s, t + SCORES, g, count, count * bytes);
            span head = *s;
            head.k += g * bytes;
            head.v += g * bytes;
            int64_t h = g * group;
            for (; h + 2 <= (g + 1) * group; h += 2) {
                add_block(&head, t, q + h * d, y + h * d, top + h, total + h, d, 2, scale, type);
            }
            if (h < (g + 1) * group) {
                add_block(&head, t, q + h * d, y + h * d, top + h, total + h, d, 1, scale, type);
            }
        }
    }
    for (int64_t h = 0; h < count * group; ++h) {
        const float inverse = total[h] == 0 ? 0 : 1.0f / total[h];
        for (int64_t i = 0; i < d; ++i) { y[h * d + i] *= inverse; }
    }
}

MYNAH_INLINE void attend_as(const mynah_attend_args *a, int32_t ith, int32_t nth, const int64_t d,
                            const int32_t type) {
    const int64_t group = a->heads / a->kv_heads, pairs = a->rows * a->kv_heads, to = pairs * (ith + 1) / nth;
    const int64_t widest = HEADS / group < KV_HEADS ? HEADS / group : KV_HEADS;
    const size_t size = type == MYNAH_CACHE_F16 ? 2 : 4;
    int64_t count;
    for (int64_t p = pairs * ith / nth; p < to; p += count) {
        const int64_t r = p / a->kv_heads, g = p % a->kv_heads, last = a->positions[r];
        count = a->kv_heads - g < to - p ? a->kv_heads - g : to - p;
        if (count > widest) { count = widest; }
        const size_t offset = (size_t)(g * d) * size;
        const span s = {
            .k = (const uint8_t *)a->cache_k + offset,
            .v = (const uint8_t *)a->cache_v + offset,
            .row_bytes = (size_t)(a->kv_heads * d) * size,
            .base = a->bases[r],
            .capacity = a->capacities[r],
            .first = a->window > 0 && last >= a->window ? last - a->window + 1 : 0,
            .last = last,
        };
        heads_of(&s, a->q + r * a->q_stride + g * group * d, a->y + r * a->y_stride + g * group * d, count, group, d,
                 a->scale, type);
    }
}

MYNAH_INLINE void mynah_attend_body(const mynah_attend_args *a, int32_t ith, int32_t nth) {
    const int half = a->type == MYNAH_CACHE_F16;
    if (a->head_width == 128 && half) {
        attend_as(a, ith, nth, 128, MYNAH_CACHE_F16);
    } else if (a->head_width == 128) {
        attend_as(a, ith, nth, 128, MYNAH_CACHE_F32);
    } else if (half) {
        attend_as(a, ith, nth, a->head_width, MYNAH_CACHE_F16);
    } else {
        attend_as(a, ith, nth, a->head_width, MYNAH_CACHE_F32);
    }
}

MYNAH_DISPATCH(, mynah_attend, (const mynah_attend_args *args, int32_t ith, int32_t nth), (args, ith, nth))
