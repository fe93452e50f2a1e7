#include "linear_kernel.h"
#include "vector_math.h"

/// A thread's outputs pass through a buffer of this many floats on the stack, so the residual may be y.
enum { BUFFER = 4096, OUTPUT_UNIT = 16 };

static int is_native(int32_t type) {
    return type == MYNAH_F32 || type == MYNAH_F16 || type == MYNAH_BF16 || type == MYNAH_Q8_0 || type == MYNAH_Q4_0
           || type == MYNAH_Q4_K || type == MYNAH_Q6_K;
}

int32_t mynah_linear_supports(int32_t type, int64_t k) {
    if (!is_native(type) || k <= 0) { return 0; }
    if (type == MYNAH_Q4_K || type == MYNAH_Q6_K) { return k % 256 == 0; }
    if (type == MYNAH_Q8_0 || type == MYNAH_Q4_0) { return k % 32 == 0; }
    return 1;
}

static void generic_prepare(const mynah_weight *weight, const float *x, int64_t k, uint8_t *out) {
    weight->from_float(x, out, k);
}

static void generic_dot(const mynah_tile *tile) {
    for (int64_t i = 0; i < tile->count; ++i) {
        for (int64_t r = 0; r < tile->rows; ++r) {
            tile->weight->vec_dot((int)tile->k, tile->out + r * tile->out_stride + i, 0,
                                  tile->data + (size_t)i * tile->weight->row_bytes, 0,
                                  tile->activations + (size_t)r * tile->activation_stride, 0, 1);
        }
    }
}

static mynah_kernel kernel_for(const mynah_weight *weight, int32_t exact) {
    mynah_kernel kernel = {generic_prepare, NULL, generic_dot};
    if (!is_native(weight->type)) { return kernel; }
    if (weight->type == MYNAH_F32 || weight->type == MYNAH_F16 || weight->type == MYNAH_BF16) {
        return mynah_kernel_float(weight->type, exact);
    }
    if (mynah_kernel_vnni(weight->type, &kernel)) { return kernel; }
    // The portable block kernels are written to be read; ggml has better ones for other processors.
    if (weight->vec_dot && weight->from_float) { return kernel; }
    return mynah_kernel_quantised(weight->type);
}

static size_t aligned(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static size_t prepared_bytes(const mynah_kernel *kernel, const mynah_weight *weight, int64_t k) {
    if (kernel->prepare == NULL) { return 0; }
    return aligned(kernel->activation_bytes ? kernel->activation_bytes(k) : weight->activation_bytes);
}

static size_t norm_bytes(const mynah_linear_args *args) {
    return args->norm_weight ? aligned((size_t)args->k * sizeof(float)) : 0;
}

/// Bytes of one thread's region.
static size_t region_bytes(const mynah_linear_args *args) {
    size_t widest = 0;
    for (int32_t w = 0; w < args->weight_count; ++w) {
        const mynah_kernel kernel = kernel_for(&args->weights[w], args->exact);
        const size_t bytes = prepared_bytes(&kernel, &args->weights[w], args->k);
        if (bytes > widest) { widest = bytes; }
    }
    const int64_t rows = args->rows < MYNAH_TILE_ROWS ? args->rows : MYNAH_TILE_ROWS;
    return (size_t)rows * (widest + norm_bytes(args));
}

size_t mynah_linear_scratch(const mynah_linear_args *args, int32_t threads) {
    return 64 + (size_t)threads * region_bytes(args);
}

/// One tile of activation rows, as a thread sees it.
typedef struct {
    const mynah_linear_args *args;
    int64_t first, rows;
    /// Normalised rows, then prepared rows.
    float *normed;
    uint8_t *prepared;
    /// What `prepared` holds.
    mynah_kernel kernel;
    mynah_from_float_fn from_float;
} pass;

static void begin(pass *p, const mynah_linear_args *args, int64_t first, int32_t ith) {
    const int64_t left = args->rows - first;
    const uintptr_t base = ((uintptr_t)args->scratch + 63) & ~(uintptr_t)63;
    uint8_t *region = (uint8_t *)base + (size_t)ith * region_bytes(args);
    *p = (pass){.args = args, .first = first, .rows = left < MYNAH_TILE_ROWS ? left : MYNAH_TILE_ROWS};
    p->normed = (float *)region;
    p->prepared = region + (size_t)p->rows * norm_bytes(args);
    if (args->norm_weight == NULL) { return; }
    for (int64_t r = 0; r < p->rows; ++r) {
        float *y = (float *)(region + (size_t)r * norm_bytes(args));
        mynah_rms_norm(y, args->x + (first + r) * args->x_stride, args->norm_weight, args->norm_eps, 1, args->k,
                       args->k, args->k, 0, 1);
    }
}

/// A tile over `weight` with its activation rows ready; prepares them unless the last weight's serve again.
static mynah_tile tile_for(pass *p, const mynah_weight *weight) {
    const mynah_linear_args *args = p->args;
    const mynah_kernel kernel = kernel_for(weight, args->exact);
    const int normed = args->norm_weight != NULL;
    const float *x = normed ? p->normed : args->x + p->first * args->x_stride;
    const int64_t stride = normed ? (int64_t)(norm_bytes(args) / sizeof(float)) : args->x_stride;
    mynah_tile tile = {.weight = weight, .rows = p->rows, .k = args->k};
    if (kernel.prepare == NULL) {
        tile.activations = (const uint8_t *)x;
        tile.activation_stride = (size_t)stride * sizeof(float);
        return tile;
    }
    tile.activations = p->prepared;
    tile.activation_stride = prepared_bytes(&kernel, weight, args->k);
    if (kernel.prepare == p->kernel.prepare && weight->from_float == p->from_float) { return tile; }
    for (int64_t r = 0; r < p->rows; ++r) {
        kernel.prepare(weight, x + r * stride, args->k, p->prepared + (size_t)r * tile.activation_stride);
    }
    p->kernel = kernel;
    p->from_float = weight->from_float;
    return tile;
}

static void dot(mynah_tile *tile, const mynah_linear_args *args, int64_t from, int64_t count, float *out) {
    tile->data = (const uint8_t *)tile->weight->data + (size_t)from * tile->weight->row_bytes;
    tile->count = count;
    tile->out = out;
    tile->out_stride = count;
    kernel_for(tile->weight, args->exact).dot(tile);
    const float *bias = tile->weight->bias;
    if (bias == NULL) { return; }
    for (int64_t r = 0; r < tile->rows; ++r) {
        for (int64_t i = 0; i < count; ++i) { out[r * count + i] += bias[from + i]; }
    }
}

/// The part of `count` outputs that thread `ith` computes, in units of a cache line of y.
static void share(int64_t count, int32_t ith, int32_t nth, int64_t *from, int64_t *to) {
    const int64_t units = (count + OUTPUT_UNIT - 1) / OUTPUT_UNIT;
    *from = units * ith / nth * OUTPUT_UNIT;
    *to = units * (ith + 1) / nth * OUTPUT_UNIT;
    if (*to > count) { *to = count; }
}

static void store(const pass *p, const float *values, int64_t column, int64_t count) {
    const mynah_linear_args *args = p->args;
    for (int64_t r = 0; r < p->rows; ++r) {
        float *y = args->y + (p->first + r) * args->y_stride + column;
        const float *v = values + r * count;
        if (args->residual) {
            const float *residual = args->residual + (p->first + r) * args->residual_stride + column;
            for (int64_t i = 0; i < count; ++i) { y[i] = residual[i] + v[i]; }
        } else {
            for (int64_t i = 0; i < count; ++i) { y[i] = v[i]; }
        }
    }
}

void mynah_linear(const mynah_linear_args *args, int32_t ith, int32_t nth) {
    _Alignas(64) float buffer[BUFFER];
    for (int64_t first = 0; first < args->rows; first += MYNAH_TILE_ROWS) {
        pass p;
        begin(&p, args, first, ith);
        const int64_t block = BUFFER / p.rows;
        int64_t column = 0;
        for (int32_t w = 0; w < args->weight_count; ++w) {
            mynah_tile tile = tile_for(&p, &args->weights[w]);
            int64_t from, to;
            share(args->weights[w].rows, ith, nth, &from, &to);
            for (int64_t n = from; n < to; n += block) {
                const int64_t count = to - n < block ? to - n : block;
                dot(&tile, args, n, count, buffer);
                store(&p, buffer, column + n, count);
            }
            column += args->weights[w].rows;
        }
    }
}

void mynah_gated_linear(const mynah_linear_args *args, int32_t ith, int32_t nth) {
    _Alignas(64) float gates[BUFFER / 2];
    _Alignas(64) float values[BUFFER / 2];
    int64_t from, to;
    share(args->weights[0].rows, ith, nth, &from, &to);
    for (int64_t first = 0; first < args->rows; first += MYNAH_TILE_ROWS) {
        pass p;
        begin(&p, args, first, ith);
        const int64_t widest = BUFFER / 2 / p.rows;
        const int64_t block = widest < 64 ? widest : 64;
        for (int64_t n = from; n < to; n += block) {
            const int64_t count = to - n < block ? to - n : block;
            // Two weights of different types would prepare their rows again for every block; models do not mix here.
            mynah_tile gate = tile_for(&p, &args->weights[0]);
            dot(&gate, args, n, count, gates);
            mynah_tile up = tile_for(&p, &args->weights[1]);
            dot(&up, args, n, count, values);
            const mynah_swiglu_args gated = {gates, values, values, 1, count * p.rows, 0, 0, 0};
            mynah_swiglu(&gated, 0, 1);
            store(&p, values, n, count);
        }
    }
}
