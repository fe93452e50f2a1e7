/// What this processor can do, and how fast it does it.
#ifndef MYNAH_CPU_H
#define MYNAH_CPU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bits of `mynah_cpu_features`.
enum {
    MYNAH_CPU_AVX2 = 1,
    MYNAH_CPU_AVX512 = 2,
    MYNAH_CPU_AVX512_VNNI = 4,
    MYNAH_CPU_AVX512_BF16 = 8,
    MYNAH_CPU_NEON = 16,
};

/// The features that the kernels use on this machine, narrowed by `mynah_force_portable`.
uint32_t mynah_cpu_features(void);

/// The same as words for a reader, such as "avx2 avx512 vnni bf16". Static storage.
const char *mynah_cpu_description(void);

/// For tests, on the calling thread: 0 all features, 1 no more than AVX2, 2 the portable code only.
void mynah_force_portable(int32_t level);

/// Reads `bytes` of `buffer` once as a plain stream; the sum keeps the loop honest. Time it from outside, one
/// thread to a part of the buffer, to learn the memory bandwidth.
uint64_t mynah_measure_bandwidth(const void *buffer, size_t bytes);

typedef enum mynah_peak {
    MYNAH_PEAK_F32_FMA = 0,
    MYNAH_PEAK_BF16_DOT = 1,
    MYNAH_PEAK_INT8_DOT = 2,
} mynah_peak;

/// Runs `iterations` rounds of register-only arithmetic and returns how many multiply-adds they were; 0 when the
/// processor has no such instruction.
double mynah_measure_peak(mynah_peak kind, int64_t iterations);

#ifdef __cplusplus
}
#endif
#endif
