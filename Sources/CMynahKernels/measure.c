#include "mynah_cpu.h"

uint64_t mynah_measure_bandwidth(const void *buffer, size_t bytes) {
    const uint64_t *p = (const uint64_t *)buffer;
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes / 8; ++i) { sum += p[i]; }
    return sum;
}

double mynah_measure_peak(mynah_peak kind, int64_t iterations) {
    if (kind != MYNAH_PEAK_F32_FMA) { return 0; }
    float a[64];
    for (int i = 0; i < 64; ++i) { a[i] = (float)i; }
    for (int64_t n = 0; n < iterations; ++n) {
        for (int i = 0; i < 64; ++i) { a[i] = a[i] * 0.5f + 1.0f; }
    }
    volatile float keep = a[0] + a[63];
    (void)keep;
    return 64.0 * (double)iterations;
}
