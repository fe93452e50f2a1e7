#include "mynah_ops.h"

#include <math.h>

#include "vector_math.h"

/// The rows of thread `ith`.
static void share(int64_t count, int32_t ith, int32_t nth, int64_t *from, int64_t *to) {
    *from = count * ith / nth;
    *to = count * (ith + 1) / nth;
}

/// The floats of thread `ith`, whole cache lines.
static void share_floats(int64_t count, int32_t ith, int32_t nth, int64_t *from, int64_t *to) {
    share((count + 15) / 16, ith, nth, from, to);
    *from *= 16;
    *to = *to * 16 < count ? *to * 16 : count;
}

/// Sum of (x - centre)^2 in double, in four chains of eight lanes.
MYNAH_INLINE double squares(const float *x, int64_t width, float centre) {
    typedef double d8 __attribute__((ext_vector_type(8)));
    d8 sum[4] = {(d8)(0.0), (d8)(0.0), (d8)(0.0), (d8)(0.0)};
    int64_t i = 0;
    for (; i + 32 <= width; i += 32) {
        for (int c = 0; c < 4; ++c) {
            mynah_v8 v;
            memcpy(&v, x + i + 8 * c, sizeof v);
            const d8 d = __builtin_convertvector(v, d8) - (double)centre;
            sum[c] += d * d;
        }
    }
    const d8 all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    double total = ((all[0] + all[4]) + (all[2] + all[6])) + ((all[1] + all[5]) + (all[3] + all[7]));
    for (; i < width; ++i) {
        const double d = (double)x[i] - (double)centre;
        total += d * d;
    }
    return total;
}

MYNAH_INLINE void scale_row(float *y, const float *x, const float *w, float scale, int64_t width) {
    int64_t i = 0;
    for (; i + 16 <= width; i += 16) {
        mynah_v16 v;
        v_load(&v, x + i);
        v *= scale;
        if (w) {
            mynah_v16 u;
            v_load(&u, w + i);
            v *= u;
        }
        v_store(y + i, &v);
    }
    for (; i < width; ++i) { y[i] = x[i] * scale * (w ? w[i] : 1.0f); }
}

MYNAH_INLINE void mynah_rms_norm_body(float *y, const float *x, const float *w, float eps, int64_t rows,
                                      int64_t width, int64_t x_stride, int64_t y_stride, int32_t ith, int32_t nth) {
    int64_t from, to;
    share(rows, ith, nth, &from, &to);
    for (int64_t r = from; r < to; ++r) {
        const float *row = x + r * x_stride;
        const double mean = squares(row, width, 0) / (double)width;
        scale_row(y + r * y_stride, row, w, (float)(1.0 / sqrt(mean + (double)eps)), width);
    }
}

MYNAH_DISPATCH(, mynah_rms_norm,
               (float *y, const float *x, const float *w, float eps, int64_t rows, int64_t width, int64_t x_stride,
                int64_t y_stride, int32_t ith, int32_t nth),
               (y, x, w, eps, rows, width, x_stride, y_stride, ith, nth))

MYNAH_INLINE void mynah_layer_norm_body(float *y, const float *x, const float *w, const float *b, float eps,
                                        int64_t rows, int64_t width, int64_t x_stride, int64_t y_stride, int32_t ith,
                                        int32_t nth) {
    int64_t from, to;
    share(rows, ith, nth, &from, &to);
    for (int64_t r = from; r < to; ++r) {
        const float *row = x + r * x_stride;
        float *out = y + r * y_stride;
        double sum = 0;
        for (int64_t i = 0; i < width; ++i) { sum += (double)row[i]; }
        const float mean = (float)(sum / (double)width);
        const float scale = (float)(1.0 / sqrt(squares(row, width, mean) / (double)width + (double)eps));
        for (int64_t i = 0; i < width; ++i) {
            out[i] = (row[i] - mean) * scale * (w ? w[i] : 1.0f) + (b ? b[i] : 0.0f);
        }
    }
}

MYNAH_DISPATCH(, mynah_layer_norm,
               (float *y, const float *x, const float *w, const float *b, float eps, int64_t rows, int64_t width,
                int64_t x_stride, int64_t y_stride, int32_t ith, int32_t nth),
               (y, x, w, b, eps, rows, width, x_stride, y_stride, ith, nth))

enum { WIDEST_HEAD = 1024 };

MYNAH_INLINE void rotate(float *y, const float *x, const float *cos_sin, int64_t half) {
    int64_t i = 0;
    for (; i + 16 <= half; i += 16) {
        mynah_v16 a, b, c, s;
        v_load(&a, x + i);
        v_load(&b, x + half + i);
        v_load(&c, cos_sin + i);
        v_load(&s, cos_sin + half + i);
        const mynah_v16 low = a * c - b * s, high = b * c + a * s;
        v_store(y + i, &low);
        v_store(y + half + i, &high);
    }
    for (; i < half; ++i) {
        const float a = x[i], b = x[half + i];
        y[i] = a * cos_sin[i] - b * cos_sin[half + i];
        y[half + i] = b * cos_sin[i] + a * cos_sin[half + i];
    }
}

MYNAH_INLINE void rope_heads(const mynah_rope_args *a, int32_t ith, int32_t nth, const int norm) {
    float normed[WIDEST_HEAD];
    int64_t from, to;
    share(a->rows * a->heads, ith, nth, &from, &to);
    for (int64_t i = from; i < to; ++i) {
        const int64_t r = i / a->heads, offset = i % a->heads * a->head_width;
        const float *x = a->x + r * a->x_stride + offset;
        if (norm) {
            const double mean = squares(x, a->head_width, 0) / (double)a->head_width;
            scale_row(normed, x, a->norm_weight, (float)(1.0 / sqrt(mean + (double)a->norm_eps)), a->head_width);
            x = normed;
        }
        rotate(a->y + r * a->y_stride + offset, x, a->cos_sin + r * a->head_width, a->head_width / 2);
    }
}

MYNAH_INLINE void mynah_rope_body(const mynah_rope_args *args, int32_t ith, int32_t nth) {
    rope_heads(args, ith, nth, 0);
}

MYNAH_INLINE void normed_rope_body(const mynah_rope_args *args, int32_t ith, int32_t nth) {
    rope_heads(args, ith, nth, 1);
}

MYNAH_DISPATCH(, mynah_rope, (const mynah_rope_args *args, int32_t ith, int32_t nth), (args, ith, nth))
MYNAH_DISPATCH(static, normed_rope, (const mynah_rope_args *args, int32_t ith, int32_t nth), (args, ith, nth))

void mynah_head_norm_rope(const mynah_rope_args *args, int32_t ith, int32_t nth) {
    if (args->norm_weight) {
        normed_rope(args, ith, nth);
    } else {
        mynah_rope(args, ith, nth);
    }
}

MYNAH_INLINE void mynah_swiglu_body(const mynah_swiglu_args *a, int32_t ith, int32_t nth) {
    const int64_t chunks = (a->width + 15) / 16;
    int64_t from, to;
    share(a->rows * chunks, ith, nth, &from, &to);
    for (int64_t i = from; i < to; ++i) {
        const int64_t r = i / chunks, c = i % chunks * 16, left = a->width - c;
        mynah_v16 g, u;
        v_load_part(&g, a->gate + r * a->gate_stride + c, left);
        v_load_part(&u, a->up + r * a->up_stride + c, left);
        v_silu(&g, &g);
        g *= u;
        v_store_part(a->y + r * a->y_stride + c, &g, left);
    }
}

MYNAH_DISPATCH(, mynah_swiglu, (const mynah_swiglu_args *args, int32_t ith, int32_t nth), (args, ith, nth))

MYNAH_INLINE void mynah_add_body(float *y, const float *a, const float *b, int64_t count, int32_t ith, int32_t nth) {
    int64_t from, to;
    share_floats(count, ith, nth, &from, &to);
    for (int64_t i = from; i < to; ++i) { y[i] = a[i] + b[i]; }
}

MYNAH_DISPATCH(, mynah_add, (float *y, const float *a, const float *b, int64_t count, int32_t ith, int32_t nth),
               (y, a, b, count, ith, nth))

MYNAH_INLINE void tanh_of(mynah_v16 *v) {
    // tanh |x| = -m / (m + 2) with m = e^(-2|x|) - 1, which loses nothing near zero; the sign is put back.
    const mynah_v16 x = *v;
    mynah_v16 m = -2.0f * __builtin_elementwise_abs(x);
    v_expm1(&m, &m);
    const mynah_v16 t = -m / (m + 2.0f), minus = -t;
    const mynah_i16 negative = x < 0.0f;
    v_select(v, &negative, &minus, &t);
}

/// x Phi(x). For z = |x| / sqrt 2, erfc z = t e^(-z^2 + p(t)) with t = 1 / (1 + z / 2) and p smooth: an interpolation at
/// the Chebyshev nodes of 0.16 ... 1 that stays within 2e-8, written in u = (t - 0.58) / 0.42. The square is split at
/// twelve bits of x so that its large half is exact.
MYNAH_INLINE void gelu_of(mynah_v16 *v) {
    const mynah_v16 x = *v, size = __builtin_elementwise_min(__builtin_elementwise_abs(x), (mynah_v16)(20.0f));
    const mynah_v16 t = 1.0f / (1.0f + size * 0.353553391f), u = t * 2.38095238f - 1.38095238f;
    mynah_v16 p = u * -2.40177189e-5f + 6.0509105e-5f;
    p = p * u + 1.32511746e-4f;
    p = p * u - 5.72847321e-4f;
    p = p * u - 2.56602938e-4f;
    p = p * u + 3.87069953e-3f;
    p = p * u - 1.23316094e-3f;
    p = p * u - 3.01464807e-2f;
    p = p * u + 1.6716266e-2f;
    p = p * u + 0.574609915f;
    p = p * u - 0.563156788f;
    mynah_i16 bits;
    memcpy(&bits, &size, sizeof bits);
    bits &= ~0xfff;
    mynah_v16 large;
    memcpy(&large, &bits, sizeof large);
    mynah_v16 a = large * large * -0.5f, b = p - (size - large) * (size + large) * 0.5f;
    v_exp(&a, &a);
    v_exp(&b, &b);
    const mynah_v16 tail = 0.5f * t * a * b, rest = 1.0f - tail;
    const mynah_i16 negative = x < 0.0f;
    mynah_v16 phi;
    v_select(&phi, &negative, &tail, &rest);
    *v = x * phi;
}

MYNAH_INLINE void apply(mynah_v16 *v, int32_t kind) {
    const mynah_v16 x = *v;
    switch (kind) {
    case MYNAH_UNARY_SILU: v_silu(v, &x); break;
    case MYNAH_UNARY_GELU: gelu_of(v); break;
    case MYNAH_UNARY_ELU: {
        mynah_v16 e = __builtin_elementwise_min(x, (mynah_v16)(0.0f));
        v_expm1(&e, &e);
        const mynah_i16 positive = x > 0.0f;
        v_select(v, &positive, &x, &e);
        break;
    }
    case MYNAH_UNARY_RELU: *v = __builtin_elementwise_max(x, (mynah_v16)(0.0f)); break;
    case MYNAH_UNARY_TANH: tanh_of(v); break;
    case MYNAH_UNARY_SIGMOID: v_sigmoid(v, &x); break;
    default: v_exp(v, &x); break;
    }
}

MYNAH_INLINE void map_body(int32_t kind, float *y, const float *x, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += 16) {
        mynah_v16 v;
        v_load_part(&v, x + i, to - i);
        apply(&v, kind);
        v_store_part(y + i, &v, to - i);
    }
}

MYNAH_DISPATCH(static, map, (int32_t kind, float *y, const float *x, int64_t from, int64_t to), (kind, y, x, from, to))

void mynah_unary(mynah_unary_kind kind, float *y, const float *x, int64_t count, int32_t ith, int32_t nth) {
    int64_t from, to;
    share_floats(count, ith, nth, &from, &to);
    map((int32_t)kind, y, x, from, to);
}
