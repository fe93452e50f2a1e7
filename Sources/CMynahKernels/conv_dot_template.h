// Convolutions to a single channel. Part of conv_tile_template.h.

/// Sixteen steps; `count` bytes of each operand are there, what lies beyond them counts as zero.
CONV_INLINE v16f conv_dot_block(v16f sum, const char *x, const char *w, int64_t count, int bf16) {
    char xs[CONV_VECTOR_BYTES] = {0}, ws[CONV_VECTOR_BYTES] = {0};
    if (count < CONV_VECTOR_BYTES) {
        memcpy(xs, x, (size_t)count);
        memcpy(ws, w, (size_t)count);
        x = xs;
        w = ws;
    }
    if (!bf16) return sum + conv_load(x) * conv_load(w);
    const v16u a = conv_load_bits(x), b = conv_load_bits(w);
#if CONV_BF16_DOT
    return (v16f)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    sum = sum + (v16f)(a << 16) * (v16f)(b << 16);
    return sum + (v16f)(a & 0xffff0000u) * (v16f)(b & 0xffff0000u);
#endif
}

CONV_INLINE float conv_lane_sum(v16f sum) {
    float lanes[CONV_LANES];
    conv_store(lanes, sum);
    for (int half = CONV_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

CONV_INLINE void conv_dot_rows(const conv_dot *d, int row, int rows, int bf16) {
    const int64_t bytes = d->length * (bf16 ? 2 : 4);
    v16f sum[4] = {{0}};
    for (int64_t tap = 0; tap < d->taps; tap++) {
        const char *x = d->x + row * d->row_bytes + tap * d->tap_bytes;
        const char *w = d->w + tap * bytes;
        int64_t at = 0;
        for (; at + CONV_VECTOR_BYTES <= bytes; at += CONV_VECTOR_BYTES) {
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                sum[i] = conv_dot_block(sum[i], x + i * d->row_bytes + at, w + at, CONV_VECTOR_BYTES, bf16);
            }
        }
        for (int i = 0; at < bytes && i < rows; i++) {
            sum[i] = conv_dot_block(sum[i], x + i * d->row_bytes + at, w + at, bytes - at, bf16);
        }
    }
    for (int i = 0; i < rows; i++) d->out[row + i] = conv_lane_sum(sum[i]);
}

CONV_FUNCTION void conv_dot_f32(const conv_dot *d) {
    int row = 0;
    for (; row + 4 <= d->rows; row += 4) conv_dot_rows(d, row, 4, 0);
    for (; row < d->rows; row++) conv_dot_rows(d, row, 1, 0);
}

CONV_FUNCTION void conv_dot_bf16(const conv_dot *d) {
    int row = 0;
    for (; row + 4 <= d->rows; row += 4) conv_dot_rows(d, row, 4, 1);
    for (; row < d->rows; row++) conv_dot_rows(d, row, 1, 1);
}
