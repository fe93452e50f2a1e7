#ifndef MYNAH_CONV_H
#define MYNAH_CONV_H

#include <stddef.h>
#include <stdint.h>

// Convolutions over time as matrix products without im2col.
//
// Activations are time-major [T, C] with C contiguous, float32. An operation is called by every thread of a
// pool with its number `ith` of `nth`; the caller puts a barrier behind it. Nothing is allocated.
//
// A convolution with k taps, stride s and dilation d reads a prepared buffer x [rows, cin] that already holds
// its padding, and computes for t in 0 ..< t_out
//
//     y[t, o] = bias[o] + sum_j sum_c w[o, c, j] x[t * s + j * d, c]  (+ residual[t, o])
//
// The order in which one output is summed depends on the layer and the instruction set alone, never on t_out,
// the position in the buffer or the number of threads: a stream decoded piece by piece has the same bits as one
// decoded at once.
//
// A causal transposed convolution with kernel q * stride, of which only the first stride * T steps are kept,
// is a causal convolution with q taps from cin to stride * cout, whose output [T, stride * cout] is read as
// [T * stride, cout]. `mynah_conv_transpose_pack` packs its weight accordingly.

#ifdef __cplusplus
extern "C" {
#endif

/// The type of weights and prepared input. Sums and outputs are float32 always. With bf16 both operands are
/// rounded to the nearest even, and subnormal numbers may count as zero.
typedef enum { MYNAH_CONV_F32 = 0, MYNAH_CONV_BF16 = 1 } mynah_conv_type;

/// What `mynah_conv_prepare` applies to its input.
typedef enum {
    MYNAH_ACTIVATION_NONE = 0,
    /// x + b sin²(a x), with a and b per channel: a = e^alpha, b = 1 / (e^beta + 1e-9).
    MYNAH_ACTIVATION_SNAKE = 1,
    /// x above zero, e^x - 1 below.
    MYNAH_ACTIVATION_ELU = 2,
} mynah_activation;

/// How `mynah_pad_rows` makes the rows outside: zeros, mirrored without repeating the edge, or the edge
/// repeated.
typedef enum { MYNAH_PAD_ZERO = 0, MYNAH_PAD_REFLECT = 1, MYNAH_PAD_EDGE = 2 } mynah_pad_mode;

/// Bytes of one value of `type`: 4 or 2.
size_t mynah_conv_type_bytes(mynah_conv_type type);

/// Bytes of a packed weight with k taps. 64-byte alignment of the memory is best, none is required.
size_t mynah_conv_packed_bytes(int64_t cin, int64_t cout, int64_t k, mynah_conv_type type);

/// Packs w [cout, cin, k] (a Conv1d weight, or with k = 1 a Linear weight) into dst.
void mynah_conv_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t k, mynah_conv_type type, int ith,
    int nth);

/// Packs w [cin, cout, kernel] (a ConvTranspose1d weight) as a causal convolution with kernel / stride taps
/// and stride * cout outputs. `kernel` must be a multiple of `stride`. dst holds
/// mynah_conv_packed_bytes(cin, stride * cout, kernel / stride, type).
void mynah_conv_transpose_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t kernel, int64_t stride,
    mynah_conv_type type, int ith, int nth);

/// dst [pad + t + pad_right, channels] = state, activation(x), zeros.
typedef struct {
    const float *x;       ///< [t, channels]
    int64_t x_stride;     ///< values from row to row of x; 0 means channels
    const void *state;    ///< [pad, channels] of `type`; NULL means zeros
    void *next_state;     ///< [pad, channels]: receives rows t ..< t + pad of dst; NULL, or even `state`
    void *dst;            ///< of `type`
    int64_t t, channels;
    int64_t pad;          ///< (k - 1) * dilation for a causal convolution with stride 1
    int64_t pad_right;    ///< must be 0 where next_state is wanted
    mynah_conv_type type;
    mynah_activation activation;
    const float *a, *b;   ///< [channels], for snake only
} mynah_prepare_args;

void mynah_conv_prepare(const mynah_prepare_args *args, int ith, int nth);

typedef struct {
    const void *x;          ///< prepared, [(t_out - 1) * stride + (k - 1) * dilation + 1, cin], of `type`
    const void *w;          ///< packed with the same cin, cout, k and type
    const float *bias;      ///< [bias_count], repeated over the outputs; NULL means none
    int64_t bias_count;     ///< 0 means cout; the inner cout for a transposed convolution
    const float *residual;  ///< [t_out, cout] contiguous; NULL means none. Must not overlap y
    float *y;               ///< [t_out, cout]
    int64_t y_stride;       ///< values from row to row of y; 0 means cout
    int64_t cin, cout, k, stride, dilation, t_out;
    mynah_conv_type type;
} mynah_conv_args;

void mynah_conv(const mynah_conv_args *args, int ith, int nth);

typedef struct {
    const float *x;     ///< prepared (float32), [t + (k - 1) * dilation, channels]
    const float *w;     ///< [k, channels], see mynah_depthwise_pack
    const float *bias;  ///< [channels] or NULL
    float *y;           ///< [t, channels]
    const float *scale;     ///< [channels], of the sums; or NULL
    const float *residual;  ///< [t, channels], added last; or NULL
    int64_t t, channels, k, dilation;
} mynah_depthwise_args;

/// dst [k, channels] from w [channels, 1, k].
void mynah_depthwise_pack(float *dst, const float *w, int64_t channels, int64_t k);

/// y[t, c] = residual[t, c] + scale[c] (bias[c] + sum_j w[j, c] x[t + j * dilation, c]), in the order of j.
void mynah_depthwise_conv(const mynah_depthwise_args *args, int ith, int nth);

/// dst [left + t + right, channels] from x [t, channels]. Padding longer than x keeps mirroring back and
/// forth; with t = 0 everything is zero.
void mynah_pad_rows(
    float *dst, const float *x, int64_t t, int64_t channels, int64_t left, int64_t right, mynah_pad_mode mode,
    int ith, int nth);

/// The instruction set in use: "avx512bf16", "avx512", "avx2" or "portable".
const char *mynah_conv_path(void);

/// For tests: keeps the calling thread to the named path, or with NULL to the best one. Returns 0, and changes
/// nothing, where this machine cannot run it.
int mynah_conv_force_path(const char *name);

/// For tests: non-zero keeps the calling thread to the portable path, zero goes back to the best one.
void mynah_conv_force_portable(int on);

#ifdef __cplusplus
}
#endif

#endif
