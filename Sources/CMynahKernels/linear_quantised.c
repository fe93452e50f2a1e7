#include "linear_kernel.h"

#include <math.h>
#include <string.h>

// The plain form of the block types. An activation row becomes signed bytes with one float scale to 32 elements;
// a block's integer dot product is exact, and blocks are added in order.

static size_t group_bytes(int64_t k) { return (size_t)mynah_groups(k) * sizeof(mynah_group); }

static void quantise_block(const float *x, mynah_group *group, int b) {
    float largest = 0;
    for (int i = 0; i < MYNAH_BLOCK; ++i) { largest = fmaxf(largest, fabsf(x[i])); }
    const float inverse = largest > MYNAH_SILENCE ? 127.0f / largest : 0;
    int32_t sum = 0;
    for (int i = 0; i < MYNAH_BLOCK; ++i) {
        const int8_t q = (int8_t)lrintf(x[i] * inverse);
        group->q[b * MYNAH_BLOCK + i] = q;
        sum += q;
    }
    group->scale[b] = largest > MYNAH_SILENCE ? largest / 127.0f : 0;
    group->owed_8[b] = -8 * sum;
    group->owed_128[b] = -128 * sum;
    group->scaled_sum[b] = group->scale[b] * (float)sum;
}

static void quantise(const mynah_weight *weight, const float *x, int64_t k, uint8_t *out) {
    (void)weight;
    mynah_group *groups = (mynah_group *)out;
    for (int64_t b = 0; b < k / MYNAH_BLOCK; ++b) {
        quantise_block(x + b * MYNAH_BLOCK, &groups[b / MYNAH_BLOCKS], (int)(b % MYNAH_BLOCKS));
    }
}

static float dot_q8_0(const uint8_t *row, const mynah_group *x, int64_t k) {
    const mynah_block_q8_0 *w = (const mynah_block_q8_0 *)row;
    float total = 0;
    for (int64_t b = 0; b < k / MYNAH_BLOCK; ++b) {
        const mynah_group *g = &x[b / MYNAH_BLOCKS];
        const int8_t *q = g->q + b % MYNAH_BLOCKS * MYNAH_BLOCK;
        int32_t sum = 0;
        for (int i = 0; i < 32; ++i) { sum += w[b].q[i] * q[i]; }
        total += (float)sum * (mynah_half_to_float(w[b].d) * g->scale[b % MYNAH_BLOCKS]);
    }
    return total;
}

static float dot_q4_0(const uint8_t *row, const mynah_group *x, int64_t k) {
    const mynah_block_q4_0 *w = (const mynah_block_q4_0 *)row;
    float total = 0;
    for (int64_t b = 0; b < k / MYNAH_BLOCK; ++b) {
        const mynah_group *g = &x[b / MYNAH_BLOCKS];
        const int8_t *q = g->q + b % MYNAH_BLOCKS * MYNAH_BLOCK;
        int32_t sum = g->owed_8[b % MYNAH_BLOCKS];
        for (int i = 0; i < 16; ++i) { sum += (w[b].q[i] & 15) * q[i] + (w[b].q[i] >> 4) * q[i + 16]; }
        total += (float)sum * (mynah_half_to_float(w[b].d) * g->scale[b % MYNAH_BLOCKS]);
    }
    return total;
}

static float dot_q4_k(const uint8_t *row, const mynah_group *x, int64_t k) {
    const mynah_block_q4_k *w = (const mynah_block_q4_k *)row;
    float total = 0;
    for (int64_t s = 0; s < k / 256; ++s) {
        uint8_t scales[8], minima[8];
        mynah_q4_k_scales(w[s].scales, scales, minima);
        const float d = mynah_half_to_float(w[s].d), dmin = mynah_half_to_float(w[s].dmin);
        for (int j = 0; j < 8; ++j) {
            const mynah_group *g = &x[s / 2];
            const int b = (int)(s % 2) * 8 + j;
            const int8_t *q = g->q + b * MYNAH_BLOCK;
            const int shift = 4 * (j & 1);
            int32_t sum = 0;
            for (int i = 0; i < 32; ++i) { sum += ((w[s].q[j / 2 * 32 + i] >> shift) & 15) * q[i]; }
            total += (float)sum * (d * (float)scales[j] * g->scale[b]);
            total -= dmin * (float)minima[j] * g->scaled_sum[b];
        }
    }
    return total;
}

/// Element i of a q6_k superblock, 0...63: low nibbles in two runs of 64 bytes a half, high bits four to a byte.
static inline int q6_value(const mynah_block_q6_k *w, int i) {
    const int half = i / 128, j = i % 128, quarter = j / 32, l = j % 32;
    const uint8_t low = w->low[half * 64 + (quarter & 1) * 32 + l];
    const uint8_t high = w->high[half * 32 + l];
    return (((quarter < 2) ? (low & 15) : (low >> 4)) | (((high >> (2 * quarter)) & 3) << 4)) - 32;
}

static float dot_q6_k(const uint8_t *row, const mynah_group *x, int64_t k) {
    const mynah_block_q6_k *w = (const mynah_block_q6_k *)row;
    float total = 0;
    for (int64_t s = 0; s < k / 256; ++s) {
        const float d = mynah_half_to_float(w[s].d);
        for (int j = 0; j < 8; ++j) {
            const mynah_group *g = &x[s / 2];
            const int b = (int)(s % 2) * 8 + j;
            const int8_t *q = g->q + b * MYNAH_BLOCK;
            int32_t sum[2] = {0, 0};
            for (int i = 0; i < 32; ++i) { sum[i / 16] += q6_value(&w[s], j * 32 + i) * q[i]; }
            const int32_t scaled = sum[0] * w[s].scales[2 * j] + sum[1] * w[s].scales[2 * j + 1];
            total += (float)scaled * (d * g->scale[b]);
        }
    }
    return total;
}

#define MYNAH_PLAIN_DOT(name, row_dot)                                                                               \
    static void name(const mynah_tile *t) {                                                                          \
        for (int64_t i = 0; i < t->count; ++i) {                                                                     \
            for (int64_t r = 0; r < t->rows; ++r) {                                                                  \
                t->out[r * t->out_stride + i] =                                                                      \
                    row_dot(t->data + (size_t)i * t->weight->row_bytes,                                              \
                            (const mynah_group *)(t->activations + (size_t)r * t->activation_stride), t->k);         \
            }                                                                                                        \
        }                                                                                                            \
    }

MYNAH_PLAIN_DOT(tile_q8_0, dot_q8_0)
MYNAH_PLAIN_DOT(tile_q4_0, dot_q4_0)
MYNAH_PLAIN_DOT(tile_q4_k, dot_q4_k)
MYNAH_PLAIN_DOT(tile_q6_k, dot_q6_k)

mynah_kernel mynah_kernel_quantised(int32_t type) {
    mynah_kernel kernel = {quantise, group_bytes, tile_q8_0};
    if (type == MYNAH_Q4_0) { kernel.dot = tile_q4_0; }
    if (type == MYNAH_Q4_K) { kernel.dot = tile_q4_k; }
    if (type == MYNAH_Q6_K) { kernel.dot = tile_q6_k; }
    return kernel;
}
