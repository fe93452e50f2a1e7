// The kernels of one instruction set. The including file defines
//   CONV_TARGET  function attributes          CONV_ROWS  rows of the largest tile, a power of two
//   CONV_WIDE    1 where the accumulators of a tile of CONV_ROWS rows and three vectors fit the registers
//   CONV_BF16_DOT  1 where the vdpbf16ps instruction is to be used
//   CONV_PATH, CONV_PATH_NAME
// and includes this once. Clang's vectors are cut to the width that the target has.

#include <math.h>
#include <string.h>

#include "conv_dispatch.h"

#pragma STDC FP_CONTRACT ON
// The vectors pass between inlined functions only.
#pragma clang diagnostic ignored "-Wpsabi"

#define CONV_INLINE static inline __attribute__((always_inline)) CONV_TARGET
#define CONV_FUNCTION static __attribute__((noinline)) CONV_TARGET

typedef float v16f __attribute__((vector_size(64)));
typedef uint32_t v16u __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint16_t v16h __attribute__((vector_size(32)));
typedef float v16f_any __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint32_t v16u_any __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint16_t v16h_any __attribute__((vector_size(32), aligned(1), may_alias));

CONV_INLINE v16f conv_load(const void *p) { return *(const v16f_any *)p; }
CONV_INLINE v16u conv_load_bits(const void *p) { return *(const v16u_any *)p; }
CONV_INLINE void conv_store(void *p, v16f value) { *(v16f_any *)p = value; }

CONV_INLINE float conv_scalar(const char *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

CONV_INLINE uint32_t conv_pair(const char *p) {
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/// An odd last channel: its partner counts as zero.
CONV_INLINE uint32_t conv_half_pair(const char *p) {
    uint16_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

CONV_INLINE float conv_as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// sum + a pair of bf16 numbers, given as bits, times each pair of w.
CONV_INLINE v16f conv_dot_pair(v16f sum, uint32_t pair, v16u w) {
#if CONV_BF16_DOT
    return (v16f)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)pair), (__m512bh)w);
#else
    sum = sum + conv_as_float(pair << 16) * (v16f)(w << 16);
    return sum + conv_as_float(pair & 0xffff0000u) * (v16f)(w & 0xffff0000u);
#endif
}

/// One step: `rows` values (or pairs) of x against `width` vectors of the panel.
CONV_INLINE void conv_step(
    v16f (*sum)[CONV_PANEL], const char *x, int64_t stride, const char *w, int rows, int width, int bf16,
    int half) {
    if (bf16) {
        v16u b[CONV_PANEL];
#pragma clang loop unroll(full)
        for (int v = 0; v < width; v++) b[v] = conv_load_bits(w + v * CONV_VECTOR_BYTES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const uint32_t a = half ? conv_half_pair(x + i * stride) : conv_pair(x + i * stride);
#pragma clang loop unroll(full)
            for (int v = 0; v < width; v++) sum[i][v] = conv_dot_pair(sum[i][v], a, b[v]);
        }
    } else {
        v16f b[CONV_PANEL];
#pragma clang loop unroll(full)
        for (int v = 0; v < width; v++) b[v] = conv_load(w + v * CONV_VECTOR_BYTES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const float a = conv_scalar(x + i * stride);
#pragma clang loop unroll(full)
            for (int v = 0; v < width; v++) sum[i][v] = sum[i][v] + a * b[v];
        }
    }
}

/// The first `count` values from p on, then zeros.
CONV_INLINE v16f conv_load_some(const float *p, int count) {
    if (count >= CONV_LANES) return conv_load(p);
    float some[CONV_LANES] = {0};
    for (int i = 0; i < count; i++) some[i] = p[i];
    return conv_load(some);
}

CONV_INLINE void conv_store_some(float *p, v16f value, int count) {
    if (count >= CONV_LANES) {
        conv_store(p, value);
        return;
    }
    float some[CONV_LANES];
    conv_store(some, value);
    for (int i = 0; i < count; i++) p[i] = some[i];
}

/// The steps s0 ..< s1, tap by tap.
CONV_INLINE void conv_accumulate(
    v16f (*sum)[CONV_PANEL], const conv_tile *t, const char *w, int rows, int width, int bf16) {
    const int64_t step_bytes = CONV_WIDE ? width * CONV_VECTOR_BYTES : t->vectors * CONV_VECTOR_BYTES;
    const int64_t full_steps = bf16 ? t->cin / 2 : t->cin, stride = t->row_bytes;
    w += t->s0 * step_bytes;
    int64_t tap = t->s0 / t->tap_steps, c = t->s0 % t->tap_steps;
    for (int64_t left = t->s1 - t->s0; left > 0; tap++, c = 0) {
        const int64_t end = t->tap_steps - c < left ? t->tap_steps : c + left;
        const int64_t full_end = end < full_steps ? end : full_steps;
        const char *x = t->x + tap * t->tap_bytes + c * 4;
        for (int64_t n = c; n < full_end; n++, x += 4, w += step_bytes) {
            conv_step(sum, x, stride, w, rows, width, bf16, 0);
        }
        if (full_end < end) {
            conv_step(sum, x, stride, w, rows, width, bf16, 1);
            w += step_bytes;
        }
        left -= end - c;
    }
}

/// `rows` rows times the vectors v0 ..< v0 + width of the panel.
CONV_INLINE void conv_sweep(const conv_tile *t, int v0, int rows, int width, int bf16) {
    v16f sum[CONV_ROWS][CONV_PANEL];
    const int first = v0 * CONV_LANES, left = t->columns - first;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < width; v++) {
            const float *y = t->y + i * t->y_stride + first + v * CONV_LANES;
            sum[i][v] = (v16f){0};
            if (t->s0 > 0) sum[i][v] = conv_load_some(y, left - v * CONV_LANES);
        }
    }
    conv_accumulate(sum, t, t->panel + v0 * CONV_VECTOR_BYTES, rows, width, bf16);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < width; v++) {
            const int count = left - v * CONV_LANES, column = first + v * CONV_LANES;
            v16f value = sum[i][v];
            if (t->last) {
                value = value + conv_load(t->bias + column);
                if (t->residual) {
                    value = value + conv_load_some(t->residual + i * t->residual_stride + column, count);
                }
            }
            conv_store_some(t->y + i * t->y_stride + column, value, count);
        }
    }
}

#define CONV_SWEEP(rows, width, bf16, suffix)                                       \
    CONV_FUNCTION void conv_sweep_##suffix##_##rows##_##width(const conv_tile *t, int v0) { \
        conv_sweep(t, v0, rows, width, bf16);                                       \
    }

#if CONV_WIDE
#define CONV_SWEEPS(rows)          \
    CONV_SWEEP(rows, 1, 0, f32)    \
    CONV_SWEEP(rows, 2, 0, f32)    \
    CONV_SWEEP(rows, 3, 0, f32)    \
    CONV_SWEEP(rows, 1, 1, bf16)   \
    CONV_SWEEP(rows, 2, 1, bf16)   \
    CONV_SWEEP(rows, 3, 1, bf16)
CONV_SWEEPS(8)
#define CONV_CASE(rows, suffix)                                                   \
    case rows:                                                                    \
        if (t->vectors == 3) conv_sweep_##suffix##_##rows##_3(t, 0);              \
        else if (t->vectors == 2) conv_sweep_##suffix##_##rows##_2(t, 0);         \
        else conv_sweep_##suffix##_##rows##_1(t, 0);                              \
        break;
#else
#define CONV_SWEEPS(rows)       \
    CONV_SWEEP(rows, 1, 0, f32) \
    CONV_SWEEP(rows, 1, 1, bf16)
#define CONV_CASE(rows, suffix)                                                               \
    case rows:                                                                                \
        for (int v = 0; v < t->vectors; v++) conv_sweep_##suffix##_##rows##_1(t, v);          \
        break;
#endif
CONV_SWEEPS(4)
CONV_SWEEPS(2)
CONV_SWEEPS(1)

static void conv_tile_f32(const conv_tile *t) {
    switch (t->rows) {
#if CONV_WIDE
        CONV_CASE(8, f32)
#endif
        CONV_CASE(4, f32)
        CONV_CASE(2, f32)
        CONV_CASE(1, f32)
    }
}

static void conv_tile_bf16(const conv_tile *t) {
    switch (t->rows) {
#if CONV_WIDE
        CONV_CASE(8, bf16)
#endif
        CONV_CASE(4, bf16)
        CONV_CASE(2, bf16)
        CONV_CASE(1, bf16)
    }
}

#include "conv_dot_template.h"
#include "conv_row_template.h"

const conv_path CONV_PATH = {
    .name = CONV_PATH_NAME,
    .rows = CONV_ROWS,
    .tile = {conv_tile_f32, conv_tile_bf16},
    .dot = {conv_dot_f32, conv_dot_bf16},
    .row = {conv_row_f32, conv_row_bf16},
};
