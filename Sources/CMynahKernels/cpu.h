#ifndef MYNAH_CPU_INTERNAL_H
#define MYNAH_CPU_INTERNAL_H

#include "mynah_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define MYNAH_X86 1
/// Kernels pick their instruction set one function at a time, so the package needs no compiler flags.
#define MYNAH_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define MYNAH_TARGET_AVX512                                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c,avx2")))
#define MYNAH_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c,avx2")))
#define MYNAH_TARGET_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")))
#else
#define MYNAH_X86 0
#endif

#define MYNAH_INLINE static inline __attribute__((always_inline))

#endif
