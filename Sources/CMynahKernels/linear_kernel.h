#ifndef MYNAH_LINEAR_KERNEL_H
#define MYNAH_LINEAR_KERNEL_H

#include "cpu.h"
#include "mynah_linear.h"

/// Most activation rows that one walk over the weights serves.
enum { MYNAH_TILE_ROWS = 64 };

/// The product of some weight rows with some prepared activation rows: out[r * out_stride + i].
typedef struct mynah_tile {
    const mynah_weight *weight;
    /// First weight row, and how many.
    const uint8_t *data;
    int64_t count;
    const uint8_t *activations;
    size_t activation_stride;
    int64_t rows;
    int64_t k;
    float *out;
    int64_t out_stride;
} mynah_tile;

typedef void (*mynah_dot)(const mynah_tile *tile);

/// How one weight type is multiplied.
typedef struct mynah_kernel {
    /// Turns k floats into what `dot` reads; NULL when it reads the floats themselves.
    void (*prepare)(const mynah_weight *weight, const float *x, int64_t k, uint8_t *out);
    /// Bytes that `prepare` writes, for k elements; 0 for the weight's own `activation_bytes`.
    size_t (*activation_bytes)(int64_t k);
    mynah_dot dot;
} mynah_kernel;

mynah_kernel mynah_kernel_float(int32_t type, int32_t exact);
mynah_kernel mynah_kernel_quantised(int32_t type);
/// False when the processor lacks the instructions.
int mynah_kernel_vnni(int32_t type, mynah_kernel *kernel);
/// Products with turned weights, which read the same activations.
void mynah_turned_dot_q4_0(const mynah_tile *tile);
void mynah_turned_dot_q8_0(const mynah_tile *tile);
int mynah_kernel_bf16(mynah_kernel *kernel);

static inline float mynah_half_to_float(uint16_t h) {
    // Shift the half's exponent and mantissa into place, then rescale by 2^112: subnormals come out right, and
    // the largest exponent is patched to infinity or NaN.
    union { uint32_t u; float f; } value = {.u = (uint32_t)(h & 0x7fff) << 13};
    value.f *= 0x1p112f;
    if ((h & 0x7c00) == 0x7c00) { value.u |= 0x7f800000u; }
    value.u |= (uint32_t)(h & 0x8000) << 16;
    return value.f;
}

/// Activations for the block types: groups of 512, each 16 blocks of 32 signed bytes with a float scale.
enum { MYNAH_GROUP = 512, MYNAH_BLOCK = 32, MYNAH_BLOCKS = 16 };

typedef struct mynah_group {
    /// Portable kernels: [block][element]. VNNI kernels: [step of 4 elements][block][element].
    int8_t q[MYNAH_GROUP];
    float scale[MYNAH_BLOCKS];
    /// -8 and -128 times the sum of the block's bytes: what weights stored with that offset owe.
    int32_t owed_8[MYNAH_BLOCKS];
    int32_t owed_128[MYNAH_BLOCKS];
    /// The sum times the scale.
    float scaled_sum[MYNAH_BLOCKS];
} mynah_group;

/// A block no louder than this is all zeros: the inverse of its scale would overflow.
#define MYNAH_SILENCE 1e-30f

static inline int64_t mynah_groups(int64_t k) { return (k + MYNAH_GROUP - 1) / MYNAH_GROUP; }

typedef struct { uint16_t d; int8_t q[32]; } mynah_block_q8_0;
typedef struct { uint16_t d; uint8_t q[16]; } mynah_block_q4_0;
typedef struct { uint16_t d, dmin; uint8_t scales[12]; uint8_t q[128]; } mynah_block_q4_k;
typedef struct { uint8_t low[128]; uint8_t high[64]; int8_t scales[16]; uint16_t d; } mynah_block_q6_k;

/// The eight 6-bit scales and minima of a q4_k superblock: the first four lie in the low six bits of bytes 0-3 and
/// 4-7, the others in the nibbles of bytes 8-11 with their top two bits above the first ones.
static inline void mynah_q4_k_scales(const uint8_t *packed, void *scale, void *minimum) {
    uint32_t a, b, c;
    __builtin_memcpy(&a, packed, 4);
    __builtin_memcpy(&b, packed + 4, 4);
    __builtin_memcpy(&c, packed + 8, 4);
    const uint32_t low = 0x3f3f3f3fu, nibble = 0x0f0f0f0fu, top = 0x03030303u;
    const uint32_t s[2] = {a & low, (c & nibble) | (((a >> 6) & top) << 4)};
    const uint32_t m[2] = {b & low, ((c >> 4) & nibble) | (((b >> 6) & top) << 4)};
    __builtin_memcpy(scale, s, 8);
    __builtin_memcpy(minimum, m, 8);
}

#endif
