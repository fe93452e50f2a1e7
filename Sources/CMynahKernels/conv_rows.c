#include <string.h>

#include "vector_math.h"

#include "conv_dispatch.h"
#include "mynah_conv.h"

static void prepare_row(const mynah_prepare_args *a, conv_row_fn row, int64_t t, void *dst) {
    row(a, a->x + t * (a->x_stride ? a->x_stride : a->channels), dst);
}

/// Copies state rows from ..< to into dst and, where wanted, replaces them by their successors.
static void pass_state(const mynah_prepare_args *a, conv_row_fn row, size_t bytes, int64_t from, int64_t to) {
    char *dst = (char *)a->dst + (size_t)from * bytes;
    if (a->state) memcpy(dst, (const char *)a->state + (size_t)from * bytes, (size_t)(to - from) * bytes);
    else memset(dst, 0, (size_t)(to - from) * bytes);
    if (!a->next_state) return;
    for (int64_t r = from; r < to; r++) {
        char *next = (char *)a->next_state + (size_t)r * bytes;
        if (a->t + r >= a->pad) prepare_row(a, row, a->t + r - a->pad, next);
        else if (a->state) memmove(next, (const char *)a->state + (size_t)(a->t + r) * bytes, bytes);
        else memset(next, 0, bytes);
    }
}

void mynah_conv_prepare(const mynah_prepare_args *a, int ith, int nth) {
    const conv_row_fn row = mynah_conv_current_path()->row[a->type];
    const size_t bytes = (size_t)a->channels * mynah_conv_type_bytes(a->type);
    int64_t from, to;
    if (a->t >= a->pad) {
        conv_split(a->pad, ith, nth, &from, &to);
        pass_state(a, row, bytes, from, to);
    } else if (ith == nth - 1) {
        // A short piece shifts the state within itself, which has to happen in order.
        pass_state(a, row, bytes, 0, a->pad);
    }
    conv_split(a->t, ith, nth, &from, &to);
    for (int64_t t = from; t < to; t++) prepare_row(a, row, t, (char *)a->dst + (size_t)(a->pad + t) * bytes);
    if (ith == 0) memset((char *)a->dst + (size_t)(a->pad + a->t) * bytes, 0, (size_t)a->pad_right * bytes);
}

void mynah_depthwise_pack(float *dst, const float *w, int64_t channels, int64_t k) {
    for (int64_t j = 0; j < k; j++) {
        for (int64_t c = 0; c < channels; c++) dst[j * channels + c] = w[c * k + j];
    }
}

/// A row's channels, sixteen at a time.
MYNAH_INLINE void depthwise_row(const mynah_depthwise_args *a, int64_t t) {
    const float *x = a->x + t * a->channels;
    for (int64_t c = 0; c < a->channels; c += 16) {
        const int64_t left = a->channels - c;
        mynah_v16 sum = (mynah_v16)(0.0f), w, v;
        if (a->bias) v_load_part(&sum, a->bias + c, left);
        for (int64_t j = 0; j < a->k; j++) {
            v_load_part(&v, x + j * a->dilation * a->channels + c, left);
            v_load_part(&w, a->w + j * a->channels + c, left);
            sum += w * v;
        }
        if (a->scale) {
            v_load_part(&v, a->scale + c, left);
            sum *= v;
        }
        if (a->residual) {
            v_load_part(&v, a->residual + t * a->channels + c, left);
            sum += v;
        }
        v_store_part(a->y + t * a->channels + c, &sum, left);
    }
}

MYNAH_INLINE void depthwise_body(const mynah_depthwise_args *a, int64_t from, int64_t to) {
    for (int64_t t = from; t < to; t++) depthwise_row(a, t);
}

MYNAH_DISPATCH(static, depthwise, (const mynah_depthwise_args *a, int64_t from, int64_t to), (a, from, to))

void mynah_depthwise_conv(const mynah_depthwise_args *a, int ith, int nth) {
    int64_t from, to;
    conv_split(a->t, ith, nth, &from, &to);
    depthwise(a, from, to);
}

/// The row of x that stands at `i`, which may lie outside 0 ..< t; -1 for a row of zeros.
static int64_t padded_index(int64_t i, int64_t t, mynah_pad_mode mode) {
    if (i >= 0 && i < t) return i;
    if (t == 0 || mode == MYNAH_PAD_ZERO) return -1;
    if (mode == MYNAH_PAD_EDGE) return i < 0 ? 0 : t - 1;
    if (t == 1) return 0;
    const int64_t period = 2 * (t - 1);
    const int64_t phase = ((i % period) + period) % period;
    return phase < t ? phase : period - phase;
}

void mynah_pad_rows(
    float *dst, const float *x, int64_t t, int64_t channels, int64_t left, int64_t right, mynah_pad_mode mode,
    int ith, int nth) {
    const size_t bytes = (size_t)channels * sizeof(float);
    int64_t from, to;
    conv_split(left + t + right, ith, nth, &from, &to);
    for (int64_t i = from; i < to; i++) {
        const int64_t source = padded_index(i - left, t, mode);
        if (source < 0) memset(dst + i * channels, 0, bytes);
        else memcpy(dst + i * channels, x + source * channels, bytes);
    }
}
