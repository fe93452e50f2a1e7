#include "cpu.h"
#include "vector_math.h"

typedef uint64_t words __attribute__((ext_vector_type(8)));

/// Four streams of sums a cache line at a time, so that neither additions nor their latency bound the loop.
MYNAH_INLINE void read_body(uint64_t *sum, const uint8_t *p, size_t bytes) {
    words a = 0, b = 0, c = 0, d = 0, w;
    size_t i = 0;
    for (; i + 256 <= bytes; i += 256) {
        __builtin_prefetch(p + i + 2048);
        __builtin_prefetch(p + i + 2112);
        __builtin_prefetch(p + i + 2176);
        __builtin_prefetch(p + i + 2240);
        memcpy(&w, p + i, sizeof w);
        a += w;
        memcpy(&w, p + i + 64, sizeof w);
        b += w;
        memcpy(&w, p + i + 128, sizeof w);
        c += w;
        memcpy(&w, p + i + 192, sizeof w);
        d += w;
    }
    a += b + c + d;
    *sum = 0;
    for (int j = 0; j < 8; ++j) { *sum += a[j]; }
    for (; i + 8 <= bytes; i += 8) {
        uint64_t one;
        memcpy(&one, p + i, sizeof one);
        *sum += one;
    }
}

MYNAH_DISPATCH(static, read, (uint64_t *sum, const uint8_t *p, size_t bytes), (sum, p, bytes))

uint64_t mynah_measure_bandwidth(const void *buffer, size_t bytes) {
    uint64_t sum;
    read(&sum, (const uint8_t *)buffer, bytes);
    return sum;
}


enum { CHAINS = 10 };

MYNAH_INLINE void peak_f32_body(int64_t iterations) {
    mynah_v16 sum[CHAINS];
    mynah_v16 x = 1.0f, y = 0.5f;
    for (int c = 0; c < CHAINS; ++c) { sum[c] = (float)c; }
    for (int64_t i = 0; i < iterations; ++i) {
        for (int c = 0; c < CHAINS; ++c) { sum[c] = sum[c] * y + x; }
    }
    mynah_v16 total = 0.0f;
    for (int c = 0; c < CHAINS; ++c) { total += sum[c]; }
    volatile float keep = total[0] + total[15];
    (void)keep;
}

MYNAH_DISPATCH(static, peak_f32, (int64_t iterations), (iterations))

#if MYNAH_X86
MYNAH_TARGET_BF16 static void peak_bf16(int64_t iterations) {
    __m512 sum[CHAINS];
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1), _mm512_set1_ps(0.5f));
    for (int c = 0; c < CHAINS; ++c) { sum[c] = _mm512_setzero_ps(); }
    for (int64_t i = 0; i < iterations; ++i) {
        for (int c = 0; c < CHAINS; ++c) { sum[c] = _mm512_dpbf16_ps(sum[c], x, x); }
    }
    __m512 total = _mm512_setzero_ps();
    for (int c = 0; c < CHAINS; ++c) { total = _mm512_add_ps(total, sum[c]); }
    volatile float keep = _mm512_reduce_add_ps(total);
    (void)keep;
}

MYNAH_TARGET_VNNI static void peak_int8(int64_t iterations) {
    __m512i sum[CHAINS];
    const __m512i x = _mm512_set1_epi8(3);
    for (int c = 0; c < CHAINS; ++c) { sum[c] = _mm512_setzero_si512(); }
    for (int64_t i = 0; i < iterations; ++i) {
        for (int c = 0; c < CHAINS; ++c) { sum[c] = _mm512_dpbusd_epi32(sum[c], x, x); }
    }
    __m512i total = _mm512_setzero_si512();
    for (int c = 0; c < CHAINS; ++c) { total = _mm512_add_epi32(total, sum[c]); }
    volatile int32_t keep = _mm512_reduce_add_epi32(total);
    (void)keep;
}
#endif

double mynah_measure_peak(mynah_peak kind, int64_t iterations) {
    if (kind == MYNAH_PEAK_F32_FMA) {
        peak_f32(iterations);
        return 16.0 * CHAINS * (double)iterations;
    }
#if MYNAH_X86
    if (kind == MYNAH_PEAK_BF16_DOT && (mynah_cpu_features() & MYNAH_CPU_AVX512_BF16)) {
        peak_bf16(iterations);
        return 32.0 * CHAINS * (double)iterations;
    }
    if (kind == MYNAH_PEAK_INT8_DOT && (mynah_cpu_features() & MYNAH_CPU_AVX512_VNNI)) {
        peak_int8(iterations);
        return 64.0 * CHAINS * (double)iterations;
    }
#endif
    return 0;
}
