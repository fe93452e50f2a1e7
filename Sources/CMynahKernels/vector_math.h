#ifndef MYNAH_VECTOR_MATH_H
#define MYNAH_VECTOR_MATH_H

#include <string.h>

#include "cpu.h"

// Sixteen floats in clang's vector extension. The bodies below are written once and inlined into one function per
// instruction set, where the compiler lowers them to one AVX-512, two AVX2 or four 128-bit registers.
typedef float mynah_v16 __attribute__((ext_vector_type(16)));
typedef int32_t mynah_i16 __attribute__((ext_vector_type(16)));
typedef _Float16 mynah_f16x16 __attribute__((ext_vector_type(16)));
typedef uint16_t mynah_h16 __attribute__((ext_vector_type(16)));

/// Defines `name` (`linkage`: static or nothing) as a dispatcher over `name##_body(parameters)`.
#if MYNAH_X86
#define MYNAH_DISPATCH(linkage, name, parameters, arguments)                                                                  \
    static void name##_portable parameters { name##_body arguments; }                                               \
    MYNAH_TARGET_AVX2 static void name##_avx2 parameters { name##_body arguments; }                                  \
    MYNAH_TARGET_AVX512 static void name##_avx512 parameters { name##_body arguments; }                              \
    linkage void name parameters {                                                                                           \
        const uint32_t features = mynah_cpu_features();                                                              \
        if (features & MYNAH_CPU_AVX512) {                                                                           \
            name##_avx512 arguments;                                                                                 \
        } else if (features & MYNAH_CPU_AVX2) {                                                                      \
            name##_avx2 arguments;                                                                                   \
        } else {                                                                                                     \
            name##_portable arguments;                                                                               \
        }                                                                                                            \
    }
#else
#define MYNAH_DISPATCH(linkage, name, parameters, arguments)                                                                  \
    linkage void name parameters { name##_body arguments; }
#endif

// Vectors travel by pointer: by value they would cross functions compiled for different instruction sets.

MYNAH_INLINE void v_load(mynah_v16 *v, const float *x) { memcpy(v, x, sizeof *v); }

MYNAH_INLINE void v_store(float *y, const mynah_v16 *v) { memcpy(y, v, sizeof *v); }

/// The first `count` floats, zeros after.
MYNAH_INLINE void v_load_part(mynah_v16 *v, const float *x, int64_t count) {
    if (count >= 16) {
        v_load(v, x);
        return;
    }
    float part[16] = {0};
    for (int64_t i = 0; i < count; ++i) { part[i] = x[i]; }
    v_load(v, part);
}

MYNAH_INLINE void v_store_part(float *y, const mynah_v16 *v, int64_t count) {
    if (count >= 16) {
        v_store(y, v);
        return;
    }
    float part[16];
    v_store(part, v);
    for (int64_t i = 0; i < count; ++i) { y[i] = part[i]; }
}

MYNAH_INLINE void v_load_half(mynah_v16 *v, const uint16_t *x) {
    mynah_f16x16 h;
    memcpy(&h, x, sizeof h);
    *v = __builtin_convertvector(h, mynah_v16);
}

MYNAH_INLINE void v_load_bfloat(mynah_v16 *v, const uint16_t *x) {
    mynah_h16 h;
    memcpy(&h, x, sizeof h);
    const mynah_i16 wide = __builtin_convertvector(h, mynah_i16) << 16;
    memcpy(v, &wide, sizeof *v);
}

typedef float mynah_v8 __attribute__((ext_vector_type(8)));
typedef float mynah_v4 __attribute__((ext_vector_type(4)));

/// Lane i with lane i + 8, then + 4, + 2, + 1.
MYNAH_INLINE float v_sum(const mynah_v16 *v) {
    const mynah_v8 a = v->lo + v->hi;
    const mynah_v4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}

/// Four vectors at once by the tree of `v_sum`, so that either gives the same bits.
MYNAH_INLINE void v_sum4(float *out, const mynah_v16 *v) {
    mynah_v4 b[4];
    for (int i = 0; i < 4; ++i) {
        const mynah_v8 a = v[i].lo + v[i].hi;
        b[i] = a.lo + a.hi;
    }
    const mynah_v4 c = __builtin_shufflevector(b[0], b[1], 0, 1, 4, 5) + __builtin_shufflevector(b[0], b[1], 2, 3, 6, 7);
    const mynah_v4 d = __builtin_shufflevector(b[2], b[3], 0, 1, 4, 5) + __builtin_shufflevector(b[2], b[3], 2, 3, 6, 7);
    const mynah_v4 sums = __builtin_shufflevector(c, d, 0, 2, 4, 6) + __builtin_shufflevector(c, d, 1, 3, 5, 7);
    memcpy(out, &sums, sizeof sums);
}

/// v = choose ? a : b, lane by lane; `choose` holds all ones or zeros.
MYNAH_INLINE void v_select(mynah_v16 *v, const mynah_i16 *choose, const mynah_v16 *a, const mynah_v16 *b) {
    mynah_i16 x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    const mynah_i16 z = (x & *choose) | (y & ~*choose);
    memcpy(v, &z, sizeof z);
}

/// v = e^x. Within 2 units in the last place; 0 below -104, infinity above 88.73, NaN for NaN.
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, whose error there is below 3e-8 of
/// a unit; 2^n in two factors so that subnormal results round once.
MYNAH_INLINE void v_exp(mynah_v16 *v, const mynah_v16 *input) {
    const mynah_v16 x = *input;
    mynah_v16 c = __builtin_elementwise_min(__builtin_elementwise_max(x, (mynah_v16)(-105.0f)), (mynah_v16)(89.0f));
    const mynah_v16 magic = (mynah_v16)(12582912.0f);
    const mynah_v16 n = (c * 1.44269504f + magic) - magic;
    const mynah_v16 r = (c - n * 0.693145752f) - n * 1.42860677e-6f;
    mynah_v16 p = r * 1.98412698e-4f + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    const mynah_i16 whole = __builtin_convertvector(n, mynah_i16);
    const mynah_i16 half = whole >> 1;
    const mynah_i16 a = (half + 127) << 23, b = (whole - half + 127) << 23;
    mynah_v16 fa, fb;
    memcpy(&fa, &a, sizeof fa);
    memcpy(&fb, &b, sizeof fb);
    p = (p * fa) * fb;
    const mynah_v16 nan = x + x;
    const mynah_i16 number = x == x;
    v_select(v, &number, &p, &nan);
}

/// v = e^x - 1 for x <= 0, accurate near zero: there a Taylor polynomial, elsewhere the difference.
MYNAH_INLINE void v_expm1(mynah_v16 *v, const mynah_v16 *input) {
    const mynah_v16 x = *input;
    mynah_v16 e;
    v_exp(&e, &x);
    e = e - 1.0f;
    mynah_v16 p = x * 2.48015873e-5f + 1.98412698e-4f;
    p = p * x + 1.38888889e-3f;
    p = p * x + 8.33333333e-3f;
    p = p * x + 4.16666667e-2f;
    p = p * x + 1.66666667e-1f;
    p = p * x + 0.5f;
    p = p * (x * x) + x;
    const mynah_i16 near = x > -0.5f;
    v_select(v, &near, &p, &e);
}

MYNAH_INLINE void v_sigmoid(mynah_v16 *v, const mynah_v16 *x) {
    mynah_v16 e = -*x;
    v_exp(&e, &e);
    *v = 1.0f / (1.0f + e);
}

MYNAH_INLINE void v_silu(mynah_v16 *v, const mynah_v16 *x) {
    mynah_v16 e = -*x;
    v_exp(&e, &e);
    *v = *x / (1.0f + e);
}

#endif
