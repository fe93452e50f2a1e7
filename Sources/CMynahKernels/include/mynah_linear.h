/// Linear layers over memory-mapped weights in ggml's block layouts, written for the inside of a ggml custom
/// operation: every thread of the pool calls the same function with its index `ith` of `nth`, nobody allocates
/// or locks, and the result of one activation row is bit-identical whatever the other rows and the thread count.
#ifndef MYNAH_LINEAR_H
#define MYNAH_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "mynah_attention.h"
#include "mynah_cpu.h"
#include "mynah_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Weight types with kernels of their own, under ggml's numbers. Any other number goes through the
/// `vec_dot`/`from_float` pair of its weight.
typedef enum mynah_type {
    MYNAH_F32 = 0,
    MYNAH_F16 = 1,
    MYNAH_Q4_0 = 2,
    MYNAH_Q8_0 = 8,
    MYNAH_Q4_K = 12,
    MYNAH_Q6_K = 14,
    MYNAH_BF16 = 30,
    /// Blocks as `mynah_linear_turn` lays them out: the type's number and this.
    MYNAH_TURNED = 0x100,
    MYNAH_Q4_0_TURNED = MYNAH_TURNED + MYNAH_Q4_0,
    MYNAH_Q8_0_TURNED = MYNAH_TURNED + MYNAH_Q8_0,
} mynah_type;

/// ggml's `ggml_vec_dot_t`: `*s` = dot product of `n` elements of weight row `x` and quantised activation `y`.
typedef void (*mynah_vec_dot_fn)(int n, float *s, size_t bs, const void *x, size_t bx, const void *y, size_t by,
                                 int nrc);
/// ggml's `ggml_from_float_t`.
typedef void (*mynah_from_float_fn)(const float *x, void *y, int64_t k);

/// One weight matrix [rows, k], k contiguous.
typedef struct mynah_weight {
    const void *data;
    /// A `mynah_type` or any other ggml type number.
    int32_t type;
    /// Number of outputs.
    int64_t rows;
    /// Bytes from one weight row to the next.
    size_t row_bytes;
    /// [rows], or NULL.
    const float *bias;
    /// ggml's pair for this type: its `vec_dot` and the `from_float` of its `vec_dot_type`. Needed for types without
    /// a kernel here; used for the block types where the processor lacks AVX-512 VNNI; else ignored. May be NULL
    /// together for native types, which then fall back to slow portable code.
    mynah_vec_dot_fn vec_dot;
    mynah_from_float_fn from_float;
    /// Bytes of one activation row as `from_float` writes it.
    size_t activation_bytes;
} mynah_weight;

enum { MYNAH_LINEAR_WEIGHTS = 3 };

/// y[r, :] = residual[r, :] + the concatenation over w of (norm(x[r, :]) . W_w^T + b_w).
typedef struct mynah_linear_args {
    mynah_weight weights[MYNAH_LINEAR_WEIGHTS];
    int32_t weight_count;
    /// Non-zero keeps float32 arithmetic for bfloat16 weights instead of rounding activations to bfloat16.
    int32_t exact;
    /// Width of the input; a multiple of the weight type's block (32; 256 for the k-types), anything for floats.
    int64_t k;
    int64_t rows;
    /// [rows, k], `x_stride` floats from row to row.
    const float *x;
    int64_t x_stride;
    /// [rows, sum of weight rows] (gated: [rows, weights[0].rows]), `y_stride` floats from row to row.
    float *y;
    int64_t y_stride;
    /// Optional RMS norm of x first: weight [k], or NULL for none.
    const float *norm_weight;
    float norm_eps;
    /// Optional addend shaped like y, or NULL. It may be y itself.
    const float *residual;
    int64_t residual_stride;
    /// At least `mynah_linear_scratch(args)` bytes, any alignment.
    void *scratch;
} mynah_linear_args;

/// Bytes of scratch that the rows need, whatever the threads.
size_t mynah_linear_scratch(const mynah_linear_args *args);

/// Whether there is anything to prepare.
int32_t mynah_linear_prepares(const mynah_linear_args *args);

/// Turns the rows into what the products read: normalised, rounded, quantised. Every thread's part is done before the
/// first of the product begins.
void mynah_linear_prepare(const mynah_linear_args *args, int32_t ith, int32_t nth);

/// Whether `type` has a kernel of its own for rows of `k` elements; others need `vec_dot` and `from_float`.
int32_t mynah_linear_supports(int32_t type, int64_t k);

/// Whether blocks of `type` are multiplied faster when laid out anew, turned, which takes memory of their own.
int32_t mynah_linear_turns(int32_t type);

/// Bytes of `rows` turned rows of q4_0 or q8_0, and of one row among them (a weight's `row_bytes`).
size_t mynah_linear_turned_bytes(int32_t type, int64_t rows, int64_t k);
size_t mynah_linear_turned_row(int32_t type, int64_t k);

/// Lays out `rows` rows of q4_0 or q8_0 blocks anew where they are. `data` is aligned to 64 bytes and has room for the
/// turned bytes, `panel` for those of four rows.
void mynah_linear_turn(int32_t type, void *data, int64_t rows, int64_t k, void *panel);

/// Products with rows that `mynah_linear_prepare` has prepared.
void mynah_linear(const mynah_linear_args *args, int32_t ith, int32_t nth);

/// As `mynah_linear`, but y[r, n] = residual[r, n] + silu(x[r] . G[n] + bG[n]) * (x[r] . U[n] + bU[n]) with G = weights[0], U = weights[1].
void mynah_gated_linear(const mynah_linear_args *args, int32_t ith, int32_t nth);

#ifdef __cplusplus
}
#endif
#endif
