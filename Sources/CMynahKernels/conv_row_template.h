// Activations and rounding of one row. Part of conv_tile_template.h.

CONV_INLINE v16f conv_select(v16i mask, v16f yes, v16f no) {
    return (v16f)(((v16i)yes & mask) | ((v16i)no & ~mask));
}

/// Added and taken away again, this rounds a number below 2^22 to the nearest integer.
#define CONV_ROUNDER 12582912.0f

/// Above this, |a x| is reduced by the library's sine.
#define CONV_SNAKE_LIMIT 10000.0f

/// x + b sin²(z) with z = a x, |z| <= CONV_SNAKE_LIMIT; the sine's square is true to 1.1e-7. z is reduced by
/// n times π/2, which stands in three parts whose first two have few bits, so that their products with n are
/// exact with or without a fused multiply-add. On [-π/4, π/4], sin²(r) = u + u² q(u) with u = r² and q fitted
/// for the least largest error (2e-10); for an odd n the square is 1 - sin²(r).
CONV_INLINE v16f conv_snake(v16f x, v16f z, v16f b) {
    const v16f shifted = z * 0.636619772f + CONV_ROUNDER;
    const v16f n = shifted - CONV_ROUNDER;
    v16f r = z - n * 1.5703125f;
    r = r - n * 4.837512969970703125e-4f;
    r = r - n * 7.54978995489188e-8f;
    const v16f u = r * r;
    v16f q = 1.3408509e-04f * u + -3.1704383e-03f;
    q = q * u + 4.444341e-02f;
    q = q * u + -3.3333325e-01f;
    const v16f square = u * u * q + u;
    const v16i odd = (v16i)shifted << 31;
    const v16i one = (odd >> 31) & 0x3f800000;
    return x + b * ((v16f)((v16i)square ^ odd) + (v16f)one);
}

/// e^x - 1 below zero: e^x = 2^n e^r with |r| <= ln 2 / 2, the polynomial of e^r - 1 fitted (3e-9).
CONV_INLINE v16f conv_elu(v16f x) {
    const v16f floor = (v16f){0} + -30.0f;
    const v16f z = conv_select(x > floor, x, floor);
    const v16f n = (z * 1.44269504f + CONV_ROUNDER) - CONV_ROUNDER;
    v16f r = z - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    v16f q = 1.395172e-03f * r + 8.369599e-03f;
    q = q * r + 4.1666187e-02f;
    q = q * r + 1.6666512e-01f;
    q = q * r + 0.5f;
    const v16f less_one = r * r * q + r;
    const v16f power = (v16f)((__builtin_convertvector(n, v16i) + 127) << 23);
    return conv_select(x < 0, power * less_one + (power - 1.0f), x);
}

CONV_INLINE v16h conv_round_bf16(v16f value) {
#if CONV_BF16_DOT
    return (v16h)_mm512_cvtneps_pbh((__m512)value);
#else
    const v16u bits = (v16u)value;
    const v16u rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const v16u quiet = (bits >> 16) | 0x40u;
    const v16u nan = (v16u)((bits & 0x7fffffffu) > 0x7f800000u);
    return __builtin_convertvector((quiet & nan) | (rounded & ~nan), v16h);
#endif
}

/// Lanes whose sine the vector code does not reach, as all-ones.
CONV_INLINE v16i conv_beyond(v16f z) {
    const v16i magnitude = (v16i)z & 0x7fffffff;
    return magnitude > (v16i)((v16f){0} + CONV_SNAKE_LIMIT);
}

CONV_INLINE float conv_snake_scalar(float x, float a, float b) {
    const float z = a * x;
    const float s = sinf(z);
    return x + b * (s * s);
}

CONV_INLINE void conv_put(void *dst, int64_t c, v16f value, int bf16) {
    if (bf16) *(v16h_any *)((uint16_t *)dst + c) = conv_round_bf16(value);
    else conv_store((float *)dst + c, value);
}

/// Sixteen channels from c on. Returns the lanes that are not done.
CONV_INLINE v16i conv_activate(
    void *dst, int64_t c, const float *x, const float *a, const float *b, int kind, int bf16) {
    v16f value = conv_load(x);
    v16i beyond = {0};
    if (kind == MYNAH_ACTIVATION_SNAKE) {
        const v16f z = value * conv_load(a);
        beyond = conv_beyond(z);
        value = conv_snake(value, z, conv_load(b));
    } else if (kind == MYNAH_ACTIVATION_ELU) {
        value = conv_elu(value);
    }
    conv_put(dst, c, value, bf16);
    return beyond;
}

CONV_FUNCTION void conv_row_repair(const mynah_prepare_args *p, const float *x, void *dst, int bf16) {
    for (int64_t c = 0; c < p->channels; c++) {
        if (fabsf(p->a[c] * x[c]) <= CONV_SNAKE_LIMIT) continue;
        const float value = conv_snake_scalar(x[c], p->a[c], p->b[c]);
        if (bf16) ((uint16_t *)dst)[c] = conv_bf16(value);
        else ((float *)dst)[c] = value;
    }
}

CONV_INLINE void conv_row(const mynah_prepare_args *p, const float *x, void *dst, int kind, int bf16) {
    const int snake = kind == MYNAH_ACTIVATION_SNAKE;
    v16i beyond = {0};
    int64_t c = 0;
    for (; c + CONV_LANES <= p->channels; c += CONV_LANES) {
        beyond |= conv_activate(dst, c, x + c, snake ? p->a + c : NULL, snake ? p->b + c : NULL, kind, bf16);
    }
    if (c < p->channels) {
        const size_t rest = (size_t)(p->channels - c);
        float xs[CONV_LANES] = {0}, as[CONV_LANES] = {0}, bs[CONV_LANES] = {0}, out[CONV_LANES];
        memcpy(xs, x + c, rest * sizeof(float));
        if (snake) {
            memcpy(as, p->a + c, rest * sizeof(float));
            memcpy(bs, p->b + c, rest * sizeof(float));
        }
        beyond |= conv_activate(out, 0, xs, as, bs, kind, bf16);
        const size_t bytes = bf16 ? 2 : 4;
        memcpy((char *)dst + (size_t)c * bytes, out, rest * bytes);
    }
    if (snake && __builtin_reduce_or(beyond)) conv_row_repair(p, x, dst, bf16);
}

CONV_FUNCTION void conv_row_f32(const mynah_prepare_args *p, const float *x, void *dst) {
    if (p->activation == MYNAH_ACTIVATION_SNAKE) conv_row(p, x, dst, MYNAH_ACTIVATION_SNAKE, 0);
    else if (p->activation == MYNAH_ACTIVATION_ELU) conv_row(p, x, dst, MYNAH_ACTIVATION_ELU, 0);
    else memcpy(dst, x, (size_t)p->channels * sizeof(float));
}

CONV_FUNCTION void conv_row_bf16(const mynah_prepare_args *p, const float *x, void *dst) {
    if (p->activation == MYNAH_ACTIVATION_SNAKE) conv_row(p, x, dst, MYNAH_ACTIVATION_SNAKE, 1);
    else if (p->activation == MYNAH_ACTIVATION_ELU) conv_row(p, x, dst, MYNAH_ACTIVATION_ELU, 1);
    else conv_row(p, x, dst, MYNAH_ACTIVATION_NONE, 1);
}
