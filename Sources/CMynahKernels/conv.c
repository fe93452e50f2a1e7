#include "mynah_conv.h"

#include <stdatomic.h>
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

/// The number of the path in use plus one; 0 before the first use.
static atomic_int current;

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
        atomic_store_explicit(&current, i + 1, memory_order_relaxed);
        return 1;
    }
    return 0;
}

void mynah_conv_force_portable(int on) { mynah_conv_force_path(on ? "portable" : NULL); }

const conv_path *mynah_conv_current_path(void) {
    int number = atomic_load_explicit(&current, memory_order_relaxed);
    if (number == 0) {
        mynah_conv_force_path(NULL);
        number = atomic_load_explicit(&current, memory_order_relaxed);
    }
    return paths[number - 1];
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

/// Where the weight from input c to output o at tap j stands in memory.
typedef struct {
    const float *w;
    int64_t cin, cout, k;
    int64_t out_stride, in_stride;  // w[o * out_stride + c * in_stride + tap]
    int64_t transpose_stride;       // 0 for a plain convolution
} weight_source;

static float weight_at(const weight_source *s, int64_t o, int64_t c, int64_t j) {
    if (s->transpose_stride == 0) return s->w[o * s->out_stride + c * s->in_stride + j];
    // Output o is phase o / inner of inner channel o % inner; the last tap is the newest step, which meets
    // the first `stride` kernel positions.
    const int64_t inner = s->cout / s->transpose_stride;
    const int64_t position = (s->k - 1 - j) * s->transpose_stride + o / inner;
    return s->w[(o % inner) * s->out_stride + c * s->in_stride + position];
}

static void pack_step(
    void *dst, const weight_source *s, int64_t v, int64_t j, int64_t c, mynah_conv_type type) {
    for (int64_t lane = 0; lane < CONV_LANES; lane++) {
        const int64_t o = v * CONV_LANES + lane;
        if (type == MYNAH_CONV_F32) {
            ((float *)dst)[lane] = o < s->cout ? weight_at(s, o, c, j) : 0;
        } else {
            const float first = o < s->cout ? weight_at(s, o, c, j) : 0;
            const float second = o < s->cout && c + 1 < s->cin ? weight_at(s, o, c + 1, j) : 0;
            ((uint16_t *)dst)[2 * lane] = conv_bf16(first);
            ((uint16_t *)dst)[2 * lane + 1] = conv_bf16(second);
        }
    }
}

static void pack_single(void *dst, const weight_source *s, mynah_conv_type type) {
    for (int64_t j = 0; j < s->k; j++) {
        for (int64_t c = 0; c < s->cin; c++) {
            const float value = weight_at(s, 0, c, j);
            if (type == MYNAH_CONV_F32) ((float *)dst)[j * s->cin + c] = value;
            else ((uint16_t *)dst)[j * s->cin + c] = conv_bf16(value);
        }
    }
}

static void pack(void *dst, const weight_source *s, mynah_conv_type type, int ith, int nth) {
    if (s->cout == 1) {
        if (ith == 0) pack_single(dst, s, type);
        return;
    }
    const int64_t vectors = vector_count(s->cout), panels = panel_count(vectors);
    const int64_t steps = tap_steps(s->cin, type), width = type == MYNAH_CONV_BF16 ? 2 : 1;
    int64_t from, to;
    conv_split(panels, ith, nth, &from, &to);
    for (int64_t p = from; p < to; p++) {
        const int64_t v0 = p * vectors / panels, v1 = (p + 1) * vectors / panels;
        char *out = (char *)dst + v0 * s->k * steps * CONV_VECTOR_BYTES;
        for (int64_t j = 0; j < s->k; j++) {
            for (int64_t step = 0; step < steps; step++) {
                for (int64_t v = v0; v < v1; v++, out += CONV_VECTOR_BYTES) {
                    pack_step(out, s, v, j, step * width, type);
                }
            }
        }
    }
}

void mynah_conv_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t k, mynah_conv_type type, int ith,
    int nth) {
    const weight_source source = {w, cin, cout, k, cin * k, k, 0};
    pack(dst, &source, type, ith, nth);
}

void mynah_conv_transpose_pack(
    void *dst, const float *w, int64_t cin, int64_t cout, int64_t kernel, int64_t stride,
    mynah_conv_type type, int ith, int nth) {
    const weight_source source = {w, cin, stride * cout, kernel / stride, kernel, cout * kernel, stride};
    pack(dst, &source, type, ith, nth);
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
