#include "linear_kernel.h"
#include "vector_math.h"

// Every product sums 16 lanes over k in order and adds the lanes pairwise at the end, whatever shares the loop.

MYNAH_INLINE void load_weight(mynah_v16 *v, const uint8_t *row, int64_t k, int32_t type) {
    if (type == MYNAH_F32) {
        v_load(v, (const float *)row + k);
    } else if (type == MYNAH_F16) {
        v_load_half(v, (const uint16_t *)row + k);
    } else {
        v_load_bfloat(v, (const uint16_t *)row + k);
    }
}

/// The last k % 16 elements of a weight row and zeros.
MYNAH_INLINE void load_tail(mynah_v16 *v, const uint8_t *row, int64_t k, int64_t count, int32_t type) {
    uint8_t part[64] = {0};
    const size_t size = type == MYNAH_F32 ? 4 : 2;
    memcpy(part, row + (size_t)k * size, (size_t)count * size);
    load_weight(v, part, 0, type);
}

/// `n` weight rows with `r` activation rows, both known where this is inlined.
MYNAH_INLINE void block(const mynah_tile *t, int64_t i, int64_t j, const int n, const int r, const int ahead,
                        const int32_t type) {
    mynah_v16 sum[4][4];
    const uint8_t *w[4];
    const float *x[4];
    for (int a = 0; a < n; ++a) { w[a] = t->data + (size_t)(i + a) * t->weight->row_bytes; }
    for (int b = 0; b < r; ++b) { x[b] = (const float *)(t->activations + (size_t)(j + b) * t->activation_stride); }
    for (int a = 0; a < n; ++a) {
        for (int b = 0; b < r; ++b) { sum[a][b] = (mynah_v16)(0.0f); }
    }
    // The rows lie one after another, so the next rows are asked for in the order of memory while these are read.
    const uint8_t *next = t->data + (size_t)(i + n) * t->weight->row_bytes;
    const int step = n * 16 * (type == MYNAH_F32 ? 4 : 2);
    int64_t k = 0;
    for (; k + 16 <= t->k; k += 16) {
        if (ahead) {
            for (int p = 0; p < step; p += 64) { __builtin_prefetch(next + p); }
            next += step;
        }
        mynah_v16 xs[4];
        for (int b = 0; b < r; ++b) { v_load(&xs[b], x[b] + k); }
        for (int a = 0; a < n; ++a) {
            mynah_v16 ws;
            load_weight(&ws, w[a], k, type);
            for (int b = 0; b < r; ++b) { sum[a][b] = ws * xs[b] + sum[a][b]; }
        }
    }
    if (k < t->k) {
        for (int a = 0; a < n; ++a) {
            mynah_v16 ws;
            load_tail(&ws, w[a], k, t->k - k, type);
            for (int b = 0; b < r; ++b) {
                mynah_v16 xs;
                v_load_part(&xs, x[b] + k, t->k - k);
                sum[a][b] = ws * xs + sum[a][b];
            }
        }
    }
    for (int a = 0; a < n; ++a) {
        for (int b = 0; b < r; ++b) { t->out[(j + b) * t->out_stride + i + a] = v_sum(&sum[a][b]); }
    }
}

MYNAH_INLINE void strip(const mynah_tile *t, int64_t i, const int n, const int32_t type) {
    switch (t->rows) {
    case 1: block(t, i, 0, n, 1, 1, type); return;
    case 2: block(t, i, 0, n, 2, 1, type); return;
    case 3: block(t, i, 0, n, 3, 1, type); return;
    default: break;
    }
    block(t, i, 0, n, 4, 1, type);
    int64_t j = 4;
    for (; j + 4 <= t->rows; j += 4) { block(t, i, j, n, 4, 0, type); }
    for (; j < t->rows; ++j) { block(t, i, j, n, 1, 0, type); }
}

MYNAH_INLINE void tile_body(const mynah_tile *t, const int32_t type) {
    int64_t i = 0;
    for (; i + 4 <= t->count; i += 4) { strip(t, i, 4, type); }
    for (; i < t->count; ++i) { strip(t, i, 1, type); }
}

MYNAH_INLINE void tile_f32_body(const mynah_tile *t) { tile_body(t, MYNAH_F32); }
MYNAH_INLINE void tile_f16_body(const mynah_tile *t) { tile_body(t, MYNAH_F16); }
MYNAH_INLINE void tile_bf16_body(const mynah_tile *t) { tile_body(t, MYNAH_BF16); }

MYNAH_DISPATCH(static, tile_f32, (const mynah_tile *t), (t))
MYNAH_DISPATCH(static, tile_f16, (const mynah_tile *t), (t))
MYNAH_DISPATCH(static, tile_bf16, (const mynah_tile *t), (t))

mynah_kernel mynah_kernel_float(int32_t type, int32_t exact) {
    mynah_kernel kernel = {NULL, NULL, tile_f32};
    if (type == MYNAH_BF16 && !exact && mynah_kernel_bf16(&kernel)) { return kernel; }
    if (type == MYNAH_F16) { kernel.dot = tile_f16; }
    if (type == MYNAH_BF16) { kernel.dot = tile_bf16; }
    return kernel;
}
