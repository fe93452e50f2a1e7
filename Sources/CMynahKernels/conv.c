#include "mynah_conv.h"

#include <string.h>

#include "conv_dispatch.h"

// The steps of a panel that are swept over all rows before the next ones: their weights stay in the
// second-level cache. Between two such blocks the float32 sums rest in y, which changes no bit.
enum { BLOCK_BYTES = 560 * 1024 };

#if defined(__x86_64__)
static const conv_path *const paths[] = {
    &mynah_conv_path_avx512bf16, &mynah_conv_path_avx512, &mynah_conv_path_avx2, &mynah_conv_path_portable,
};
#else
static const conv_path *const paths[] = {&mynah_conv_path_portable};
#endif

enum { PATH_COUNT = sizeof paths / sizeof paths[0] };

/// The number of the path in use on this thread plus one; 0 before the first use. Of the thread, so that a test that
/// forces one leaves operations on other threads alone.
static _Thread_local int current;

static int runs_here(const conv_path *path) {
#if defined(__x86_64__)
    const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (path == &mynah_conv_path_avx512bf16) return avx512 && __builtin_cpu_supports("avx512bf16");
    if (path == &mynah_conv_path_avx512) return avx512;
    if (path == &mynah_conv_path_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return path == &mynah_conv_path_portable;
}

int mynah_conv_force_path(const char *name) {
    for (int i = 0; i < PATH_COUNT; i++) {
        if ((name && strcmp(name, paths[i]->name) != 0) || !runs_here(paths[i])) continue;
        current = i + 1;
        return 1;
    }
    return 0;
}

void mynah_conv_force_portable(int on) { mynah_conv_force_path(on ? "portable" : NULL); }

const conv_path *mynah_conv_current_path(void) {
    if (current == 0) mynah_conv_force_path(NULL);
    return paths[current - 1];
}

const char *mynah_conv_path(void) { return mynah_conv_current_path()->name; }

size_t mynah_conv_type_bytes(mynah_conv_type type) { return type == MYNAH_CONV_BF16 ? 2 : 4; }

static int64_t tap_steps(int64_t cin, mynah_conv_type type) {
    return type == MYNAH_CONV_BF16 ? (cin + 1) / 2 : cin;
}

static int64_t vector_count(int64_t cout) { return (cout + CONV_LANES - 1) / CONV_LANES; }

static int64_t panel_count(int64_t vectors) { return (vectors + CONV_PANEL - 1) / CONV_PANEL; }

size_t mynah_conv_packed_bytes(int64_t cin, int64_t cout, int64_t k, mynah_conv_type type) {
    if (cout == 1) return ((size_t)(cin * k) * mynah_conv_type_bytes(type) + 63) / 64 * 64;
    return (size_t)(vector_count(cout) * k * tap_steps(cin, type)) * CONV_VECTOR_BYTES;
}

/// Where the weights stand in memory.
typedef struct {
    const float *w;
    int64_t cin, cout, taps;         // of the convolution that results
    int64_t out_stride, in_stride;   // from output to output and from input to input
    int64_t stride, inner;           // of a transposed convolution: phases, and outputs in one phase; else 0
} weight_source;

/// The weight from input 0 to output o at tap 0. Output o of a transposed convolution is phase o / inner of
/// its output o % inner.
static const float *weight_base(const weight_source *s, int64_t o) {
    if (s->stride == 0) return s->w + o * s->out_stride;
    return s->w + (o % s->inner) * s->out_stride + o / s->inner;
}

/// From tap 0 to tap j. The last tap of a transposed convolution is the newest step, which meets the first
/// `stride` positions of the kernel.
static int64_t tap_offset(const weight_source *s, int64_t j) {
    return s->stride == 0 ? j : (s->taps - 1 - j) * s->stride;
}

/// The steps from ..< to of every tap of one column of a panel; `at` is the column's place in the first step.
/// `base` is NULL for a column beyond the last output.
static void pack_column(
    void *at, const weight_source *s, mynah_conv_type type, const float *base, int64_t lanes, int64_t from,
    int64_t to) {
    const int64_t steps = tap_steps(s->cin, type);
    for (int64_t step = from; step < to; step++) {
        for (int64_t j = 0; j < s->taps; j++) {
            const int64_t place = (j * steps + step) * lanes;
            const float *w = base ? base + tap_offset(s, j) : NULL;
            if (type == MYNAH_CONV_F32) {
                ((float *)at)[place] = w ? w[step * s->in_stride] : 0;
            } else {
                const int64_t c = 2 * step;
                uint16_t *pair = (uint16_t *)at + 2 * place;
                pair[0] = w ? conv_bf16(w[c * s->in_stride]) : 0;
                pair[1] = w && c + 1 < s->cin ? conv_bf16(w[(c + 1) * s->in_stride]) : 0;
            }
        }
    }
}

/// The steps from ..< to of every tap of panel p: some at a time, so that the lines that are read and those
/// that are written stay in the first-level cache.
static void pack_panel(
    void *dst, const weight_source *s, mynah_conv_type type, int64_t p, int64_t from, int64_t to) {
    const int64_t vectors = vector_count(s->cout), panels = panel_count(vectors);
    const int64_t some = s->taps < 4 ? 64 : 16;
    const int64_t v0 = p * vectors / panels, lanes = ((p + 1) * vectors / panels - v0) * CONV_LANES;
    char *out = (char *)dst + v0 * s->taps * tap_steps(s->cin, type) * CONV_VECTOR_BYTES;
    for (int64_t step = from; step < to; step += some) {
        const int64_t end = step + some < to ? step + some : to;
        for (int64_t i = 0; i < lanes; i++) {
            const int64_t o = v0 * CONV_LANES + i;
            pack_column(out + 4 * i, s, type, o < s->cout ? weight_base(s, o) : NULL, lanes, step, end);
        }
    }
}

static void pack_single(void *dst, const weight_source *s, mynah_conv_type type) {
    const float *base = weight_base(s, 0);
    for (int64_t j = 0; j < s->taps; j++) {
        for (int64_t c = 0; c < s->cin; c++) {
            const float value = base[c * s->in_stride + tap_offset(s, j)];
            if (type == MYNAH_CONV_F32) ((float *)dst)[j * s->cin + c] = value;
            else ((uint16_t *)dst)[j * s->cin + c] = conv_bf16(value);
        }
    }
}

void mynah_conv_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t k, mynah_conv_type type, int ith,
    int nth) {
    const weight_source source = {w, cin, cout, k, cin * k, k, 0, 0};
    if (cout == 1) {
        if (ith == 0) pack_single(dst, &source, type);
        return;
    }
    int64_t from, to;
    conv_split(panel_count(vector_count(cout)), ith, nth, &from, &to);
    for (int64_t p = from; p < to; p++) pack_panel(dst, &source, type, p, 0, tap_steps(cin, type));
}

void mynah_conv_transpose_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t kernel, int64_t stride,
    mynah_conv_type type, int ith, int nth) {
    const weight_source source = {
        w, cin, stride * cout, kernel / stride, kernel, cout * kernel, stride, cout,
    };
    if (source.cout == 1) {
        if (ith == 0) pack_single(dst, &source, type);
        return;
    }
    // A few input channels at a time, since their weights for all outputs lie together.
    const int64_t few = 8, panels = panel_count(vector_count(source.cout));
    int64_t from, to;
    conv_split(tap_steps(cin, type), ith, nth, &from, &to);
    for (int64_t step = from; step < to; step += few) {
        const int64_t end = step + few < to ? step + few : to;
        for (int64_t p = 0; p < panels; p++) pack_panel(dst, &source, type, p, step, end);
    }
}

/// One output channel: a dot product over the taps, some rows at a time.
static void conv_to_one(const mynah_conv_args *a, const conv_path *path, int ith, int nth) {
    const int64_t bytes = (int64_t)mynah_conv_type_bytes(a->type);
    const int64_t y_stride = a->y_stride ? a->y_stride : 1;
    conv_dot dot = {
        .w = a->w, .row_bytes = a->stride * a->cin * bytes, .tap_bytes = a->dilation * a->cin * bytes,
        .taps = a->k, .length = a->cin,
    };
    if (a->dilation == 1) {  // the taps lie one behind the other
        dot.taps = 1;
        dot.length = a->cin * a->k;
    }
    int64_t from, to;
    conv_split(a->t_out, ith, nth, &from, &to);
    float out[8];
    dot.out = out;
    for (int64_t t = from; t < to; t += dot.rows) {
        dot.rows = to - t >= 8 ? 8 : (int)(to - t);
        dot.x = (const char *)a->x + t * dot.row_bytes;
        path->dot[a->type](&dot);
        for (int i = 0; i < dot.rows; i++) {
            float value = out[i] + (a->bias ? a->bias[0] : 0);
            if (a->residual) value += a->residual[t + i];
            a->y[(t + i) * y_stride] = value;
        }
    }
}

/// The row tiles from ..< to of one panel.
static void sweep_panel(
    const mynah_conv_args *a, const conv_path *path, conv_tile tile, int64_t from, int64_t to) {
    const int64_t steps = a->k * tile.tap_steps;
    const int64_t row0 = from * path->rows;
    const int64_t row1 = to * path->rows < a->t_out ? to * path->rows : a->t_out;
    const char *x = tile.x;
    float *y = tile.y;
    const float *residual = tile.residual;
    int64_t block = steps;
    if (to - from > 1) {
        const int64_t most = BLOCK_BYTES / (tile.vectors * CONV_VECTOR_BYTES);
        const int64_t blocks = (steps + most - 1) / most;
        block = (steps + blocks - 1) / blocks;
    }
    for (tile.s0 = 0; tile.s0 < steps; tile.s0 = tile.s1) {
        tile.s1 = tile.s0 + block < steps ? tile.s0 + block : steps;
        tile.last = tile.s1 == steps;
        for (int64_t t = row0; t < row1; t += tile.rows) {
            int rows = path->rows;
            while (rows > row1 - t) rows /= 2;
            tile.rows = rows;
            tile.x = x + t * tile.row_bytes;
            tile.y = y + t * tile.y_stride;
            tile.residual = residual ? residual + t * tile.residual_stride : NULL;
            path->tile[a->type](&tile);
        }
    }
}

void mynah_conv(const mynah_conv_args *a, int ith, int nth) {
    const conv_path *path = mynah_conv_current_path();
    if (a->cout == 1) {
        conv_to_one(a, path, ith, nth);
        return;
    }
    const int64_t bytes = (int64_t)mynah_conv_type_bytes(a->type);
    const int64_t vectors = vector_count(a->cout), panels = panel_count(vectors);
    const int64_t tiles = (a->t_out + path->rows - 1) / path->rows;
    const int64_t bias_count = a->bias_count ? a->bias_count : a->cout;
    float bias[CONV_PANEL * CONV_LANES] = {0};
    conv_tile tile = {
        .bias = bias, .row_bytes = a->stride * a->cin * bytes, .tap_bytes = a->dilation * a->cin * bytes,
        .y_stride = a->y_stride ? a->y_stride : a->cout, .residual_stride = a->cout, .cin = a->cin,
        .tap_steps = tap_steps(a->cin, a->type), .x = a->x,
    };
    // The work is a line of panels, each a line of row tiles, weighed by the vectors of the panel.
    int64_t from, to;
    conv_split(vectors * tiles, ith, nth, &from, &to);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t v0 = p * vectors / panels, v1 = (p + 1) * vectors / panels, n = v1 - v0;
        const int64_t start = v0 * tiles, end = v1 * tiles;
        if (end <= from || start >= to) continue;
        const int64_t first = from <= start ? 0 : (from - start + n - 1) / n;
        const int64_t limit = to >= end ? tiles : (to - start + n - 1) / n;
        const int64_t column = v0 * CONV_LANES;
        tile.vectors = (int)n;
        tile.columns = (int)(a->cout - column < n * CONV_LANES ? a->cout - column : n * CONV_LANES);
        for (int i = 0; a->bias && i < tile.columns; i++) bias[i] = a->bias[(column + i) % bias_count];
        tile.panel = (const char *)a->w + v0 * a->k * tile.tap_steps * CONV_VECTOR_BYTES;
        tile.y = a->y + column;
        tile.residual = a->residual ? a->residual + column : NULL;
        if (first < limit) sweep_panel(a, path, tile, first, limit);
    }
}
