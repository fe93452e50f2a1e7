#ifndef MYNAH_CONV_DISPATCH_H
#define MYNAH_CONV_DISPATCH_H

#include <stdint.h>
#include "mynah_conv.h"

// A packed weight is cut into panels of up to three vectors of 16 outputs. A panel is a run of steps; a step
// holds for each of its outputs one weight (float32) or the weights of two neighbouring input channels
// (bf16): 64 bytes a vector in both cases. Steps follow the taps and, within a tap, the input channels; an
// odd last channel is paired with a zero weight.
enum { CONV_LANES = 16, CONV_PANEL = 3, CONV_VECTOR_BYTES = 64 };

/// A tile: some rows of y times one panel, over the steps s0 ..< s1.
typedef struct {
    const char *x;      // first row of the tile, at tap 0
    const char *panel;  // whole panel
    float *y;
    const float *residual;
    const float *bias;  // one value for each column of the panel
    int64_t row_bytes, tap_bytes, y_stride, residual_stride;
    int64_t cin, tap_steps, s0, s1;
    int rows, vectors, columns;
    int last;
} conv_tile;

/// `rows` outputs of a convolution to one channel.
typedef struct {
    const char *x;
    const char *w;
    int64_t row_bytes, tap_bytes, taps, length;  // length: values in one tap
    float *out;                                  // [rows]
    int rows;
} conv_dot;

typedef void (*conv_tile_fn)(const conv_tile *);
typedef void (*conv_dot_fn)(const conv_dot *);
/// One row of n channels, through the activation, into `dst` of `type`.
typedef void (*conv_row_fn)(const mynah_prepare_args *, const float *x, void *dst);

typedef struct {
    const char *name;
    int rows;  // the most rows of a tile
    conv_tile_fn tile[2];
    conv_dot_fn dot[2];
    conv_row_fn row[2];
} conv_path;

extern const conv_path mynah_conv_path_portable;
#if defined(__x86_64__)
extern const conv_path mynah_conv_path_avx2, mynah_conv_path_avx512, mynah_conv_path_avx512bf16;
#endif

/// The best path of this machine, or the forced one.
const conv_path *mynah_conv_current_path(void);

/// The part of 0 ..< count that is thread ith's.
static inline void conv_split(int64_t count, int ith, int nth, int64_t *from, int64_t *to) {
    *from = count * ith / nth;
    *to = count * (ith + 1) / nth;
}

/// To the nearest even; what is not a number stays so.
static inline uint16_t conv_bf16(float value) {
    union { float f; uint32_t u; } bits = {value};
    const uint32_t rounded = (bits.u + 0x7fffu + ((bits.u >> 16) & 1u)) >> 16;
    const uint32_t quiet = (bits.u >> 16) | 0x40u;
    return (uint16_t)((bits.u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

#endif
