#include "cpu.h"

#include <stdatomic.h>

enum { UNKNOWN = 1u << 31 };

static _Atomic uint32_t detected = UNKNOWN;
/// A test narrows the features of its own thread; operations on other threads keep theirs.
static _Thread_local uint32_t allowed = ~0u;

static uint32_t detect(void) {
    uint32_t features = 0;
#if MYNAH_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        features |= MYNAH_CPU_AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
            features |= MYNAH_CPU_AVX512;
            if (__builtin_cpu_supports("avx512vnni")) { features |= MYNAH_CPU_AVX512_VNNI; }
            if (__builtin_cpu_supports("avx512bf16")) { features |= MYNAH_CPU_AVX512_BF16; }
        }
    }
#elif defined(__aarch64__)
    features |= MYNAH_CPU_NEON;
#endif
    return features;
}

uint32_t mynah_cpu_features(void) {
    uint32_t features = atomic_load_explicit(&detected, memory_order_relaxed);
    if (features == (uint32_t)UNKNOWN) {
        // Two threads may both detect; they find the same bits.
        features = detect();
        atomic_store_explicit(&detected, features, memory_order_relaxed);
    }
    return features & allowed;
}

void mynah_force_portable(int32_t level) {
    allowed = level <= 0 ? ~0u : level == 1 ? (uint32_t)(MYNAH_CPU_AVX2 | MYNAH_CPU_NEON) : 0u;
}

const char *mynah_cpu_description(void) {
    const uint32_t f = mynah_cpu_features();
    if (f == 0) { return "portable"; }
    if (f & MYNAH_CPU_NEON) { return "neon"; }
    if (!(f & MYNAH_CPU_AVX512)) { return "avx2"; }
    static const char *const names[] = {"avx2 avx512", "avx2 avx512 vnni", "avx2 avx512 bf16", "avx2 avx512 vnni bf16"};
    return names[((f & MYNAH_CPU_AVX512_VNNI) ? 1 : 0) + ((f & MYNAH_CPU_AVX512_BF16) ? 2 : 0)];
}
