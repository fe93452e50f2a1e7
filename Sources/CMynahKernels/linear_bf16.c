#include "linear_kernel.h"

#include <string.h>

#if MYNAH_X86

// bfloat16 weights times activations rounded to bfloat16, two products to a lane and step. Every output adds its
// steps of 32 in order, so results do not depend on the batch.

enum {
    STEP = 32,
    /// How far ahead of the multiplication memory is asked for.
    AHEAD = 3072,
};

#define BF16 MYNAH_INLINE MYNAH_TARGET_BF16

static size_t rounded_bytes(int64_t k) { return (size_t)((k + STEP - 1) / STEP * STEP) * 2; }

/// Rounds a row, filling up the last step with zeros.
MYNAH_TARGET_BF16 static void round_row(const mynah_weight *weight, const float *x, int64_t k, uint8_t *out) {
    (void)weight;
    for (int64_t i = 0; i < k; i += STEP) {
        const int64_t left = k - i < STEP ? k - i : STEP;
        const __mmask32 some = (__mmask32)(((uint64_t)1 << left) - 1);
        const __m512 a = _mm512_maskz_loadu_ps((__mmask16)some, x + i);
        const __m512 b = _mm512_maskz_loadu_ps((__mmask16)(some >> 16), x + i + 16);
        const __m512bh both = _mm512_cvtne2ps_pbh(b, a);
        memcpy(out + 2 * i, &both, sizeof both);
    }
}

BF16 __m512 multiply(__m512 sum, __m512i w, const uint8_t *x) {
    __m512bh a, b;
    memcpy(&a, &w, sizeof a);
    memcpy(&b, x, sizeof b);
    return _mm512_dpbf16_ps(sum, a, b);
}

BF16 void block(const mynah_tile *t, int64_t i, int64_t j, const int n, const int r, const int ahead) {
    __m512 sum[4][4];
    const uint8_t *w[4], *x[4];
    for (int a = 0; a < n; ++a) { w[a] = t->data + (size_t)(i + a) * t->weight->row_bytes; }
    for (int b = 0; b < r; ++b) { x[b] = t->activations + (size_t)(j + b) * t->activation_stride; }
    for (int a = 0; a < n; ++a) {
        for (int b = 0; b < r; ++b) { sum[a][b] = _mm512_setzero_ps(); }
    }
    // The rows lie one after another: what comes next is asked for in the order of memory, whole rows ahead.
    const size_t bytes = (size_t)n * t->weight->row_bytes;
    const uint8_t *next = t->data + (size_t)i * t->weight->row_bytes + (AHEAD + bytes - 1) / bytes * bytes;
    int64_t k = 0;
    for (; k + STEP <= t->k; k += STEP) {
        if (ahead) {
            for (int p = 0; p < n; ++p) { _mm_prefetch((const char *)next + 64 * p, _MM_HINT_T1); }
            next += 64 * n;
        }
        for (int a = 0; a < n; ++a) {
            const __m512i weights = _mm512_loadu_si512(w[a] + 2 * k);
            for (int b = 0; b < r; ++b) { sum[a][b] = multiply(sum[a][b], weights, x[b] + 2 * k); }
        }
    }
    if (k < t->k) {
        const __mmask32 some = (__mmask32)(((uint64_t)1 << (t->k - k)) - 1);
        for (int a = 0; a < n; ++a) {
            const __m512i weights = _mm512_maskz_loadu_epi16(some, w[a] + 2 * k);
            for (int b = 0; b < r; ++b) { sum[a][b] = multiply(sum[a][b], weights, x[b] + 2 * k); }
        }
    }
    for (int a = 0; a < n; ++a) {
        for (int b = 0; b < r; ++b) { t->out[(j + b) * t->out_stride + i + a] = _mm512_reduce_add_ps(sum[a][b]); }
    }
}

BF16 void strip(const mynah_tile *t, int64_t i, const int n) {
    switch (t->rows) {
    case 1: block(t, i, 0, n, 1, 1); return;
    case 2: block(t, i, 0, n, 2, 1); return;
    case 3: block(t, i, 0, n, 3, 1); return;
    default: break;
    }
    block(t, i, 0, n, 4, 1);
    int64_t j = 4;
    for (; j + 4 <= t->rows; j += 4) { block(t, i, j, n, 4, 0); }
    for (; j < t->rows; ++j) { block(t, i, j, n, 1, 0); }
}

MYNAH_TARGET_BF16 static void tile(const mynah_tile *t) {
    int64_t i = 0;
    for (; i + 4 <= t->count; i += 4) { strip(t, i, 4); }
    for (; i < t->count; ++i) { strip(t, i, 1); }
}

int mynah_kernel_bf16(mynah_kernel *kernel) {
    if (!(mynah_cpu_features() & MYNAH_CPU_AVX512_BF16)) { return 0; }
    *kernel = (mynah_kernel){round_row, rounded_bytes, tile};
    return 1;
}

#else

int mynah_kernel_bf16(mynah_kernel *kernel) {
    (void)kernel;
    return 0;
}

#endif
