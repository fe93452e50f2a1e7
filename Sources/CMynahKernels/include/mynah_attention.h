/// The key/value cache and grouped-head attention over it.
#ifndef MYNAH_ATTENTION_H
#define MYNAH_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Element type of a cache.
typedef enum mynah_cache_type {
    MYNAH_CACHE_F32 = 0,
    MYNAH_CACHE_F16 = 1,
} mynah_cache_type;

/// Writes activation row r to cache row `slots[r]` of K and of V.
typedef struct mynah_cache_store_args {
    /// [cache_rows, width] of `type`.
    void *cache_k;
    void *cache_v;
    int32_t type;
    /// [rows, width], strides in floats.
    const float *k;
    const float *v;
    int64_t k_stride;
    int64_t v_stride;
    /// [rows]; a negative slot stores nothing.
    const int32_t *slots;
    int64_t rows;
    int64_t width;
} mynah_cache_store_args;

void mynah_cache_store(const mynah_cache_store_args *args, int32_t ith, int32_t nth);

/// Row r attends to positions max(0, p - window + 1) ... p of its own session, p = positions[r]; position t lies
/// in cache row bases[r] + t % capacities[r]. The caller keeps the attended range within the capacity.
typedef struct mynah_attend_args {
    /// [rows, heads, head_width], `q_stride` floats from row to row.
    const float *q;
    int64_t q_stride;
    /// [cache_rows, kv_heads, head_width] of `type`.
    const void *cache_k;
    const void *cache_v;
    int32_t type;
    /// [rows, heads, head_width], `y_stride` floats from row to row; sums gather here, so it must not be q.
    float *y;
    int64_t y_stride;
    /// [rows] each. A negative position gives zeros.
    const int32_t *bases;
    const int32_t *positions;
    const int32_t *capacities;
    int64_t rows;
    int64_t heads;
    int64_t kv_heads;
    /// A multiple of 16, at most 256.
    int64_t head_width;
    /// 0 for no window.
    int32_t window;
    /// Usually 1 / sqrt(head_width).
    float scale;
} mynah_attend_args;

/// Whether `mynah_attend` takes this shape: heads a multiple of kv_heads (at most 128 times), head width as above.
int32_t mynah_attend_supports(int64_t heads, int64_t kv_heads, int64_t head_width);

/// y[r, h] = softmax(scale * q[r, h] . K) V, query head h reading key/value head h / (heads / kv_heads), with the
/// maximum subtracted and everything in float32.
void mynah_attend(const mynah_attend_args *args, int32_t ith, int32_t nth);

#ifdef __cplusplus
}
#endif
#endif
