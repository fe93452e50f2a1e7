/// Norms, rotary positions and activations over float32 rows. Every thread calls with its `ith` of `nth`; rows are
/// shared out whole, so a row's result depends on nothing but the row. Strides count floats.
#ifndef MYNAH_OPS_H
#define MYNAH_OPS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// y = w * x / sqrt(mean(x^2) + eps) over rows of `width`; `w` may be NULL for ones, y may be x.
void mynah_rms_norm(float *y, const float *x, const float *w, float eps, int64_t rows, int64_t width,
                    int64_t x_stride, int64_t y_stride, int32_t ith, int32_t nth);

/// y = w * (x - mean) / sqrt(variance + eps) + b; `w` and `b` may be NULL, y may be x.
void mynah_layer_norm(float *y, const float *x, const float *w, const float *b, float eps, int64_t rows,
                      int64_t width, int64_t x_stride, int64_t y_stride, int32_t ith, int32_t nth);

/// Per-head RMS norm, then split-half rotation:
/// y[i] = x[i] cos[i] - x[i + d/2] sin[i], y[i + d/2] = x[i + d/2] cos[i] + x[i] sin[i].
typedef struct mynah_rope_args {
    /// [rows, heads, head_width], heads contiguous within a row, `x_stride` floats from row to row.
    const float *x;
    int64_t x_stride;
    /// Like x; may be x itself.
    float *y;
    int64_t y_stride;
    /// [rows, head_width]: first half cosines, second half sines.
    const float *cos_sin;
    /// Norm weight [head_width], or NULL for no norm.
    const float *norm_weight;
    float norm_eps;
    int64_t rows;
    int64_t heads;
    /// Even, at most 1024.
    int64_t head_width;
} mynah_rope_args;

/// Rotation alone; ignores the norm fields.
void mynah_rope(const mynah_rope_args *args, int32_t ith, int32_t nth);

/// Norm and rotation.
void mynah_head_norm_rope(const mynah_rope_args *args, int32_t ith, int32_t nth);

/// y[r, i] = silu(gate[r, i]) * up[r, i].
typedef struct mynah_swiglu_args {
    const float *gate;
    const float *up;
    float *y;
    int64_t rows;
    int64_t width;
    int64_t gate_stride;
    int64_t up_stride;
    int64_t y_stride;
} mynah_swiglu_args;

void mynah_swiglu(const mynah_swiglu_args *args, int32_t ith, int32_t nth);

/// y[i] = a[i] + b[i] over `count` floats; y may be a or b.
void mynah_add(float *y, const float *a, const float *b, int64_t count, int32_t ith, int32_t nth);

typedef enum mynah_unary_kind {
    MYNAH_UNARY_SILU = 0,
    /// x * Phi(x), by the error function.
    MYNAH_UNARY_GELU = 1,
    /// alpha 1.
    MYNAH_UNARY_ELU = 2,
    MYNAH_UNARY_RELU = 3,
    MYNAH_UNARY_TANH = 4,
    MYNAH_UNARY_SIGMOID = 5,
    MYNAH_UNARY_EXP = 6,
} mynah_unary_kind;

/// y[i] = f(x[i]) over `count` floats; y may be x.
void mynah_unary(mynah_unary_kind kind, float *y, const float *x, int64_t count, int32_t ith, int32_t nth);

#ifdef __cplusplus
}
#endif
#endif
