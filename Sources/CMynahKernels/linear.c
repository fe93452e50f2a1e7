#include "linear_kernel.h"
#include "vector_math.h"

/// A thread's outputs pass through a buffer of this many floats on the stack, so the residual may be y. They are cut
/// into whole units, which are whole panels of turned weights and cache lines of y.
enum { BUFFER = 4096, OUTPUT_UNIT = 16 };

static int is_native(int32_t type) {
    return type == MYNAH_F32 || type == MYNAH_F16 || type == MYNAH_BF16 || type == MYNAH_Q8_0 || type == MYNAH_Q4_0
           || type == MYNAH_Q4_K || type == MYNAH_Q6_K || type == MYNAH_Q8_0_TURNED || type == MYNAH_Q4_0_TURNED;
}

int32_t mynah_linear_supports(int32_t type, int64_t k) {
    if (!is_native(type) || k <= 0) { return 0; }
    if (type == MYNAH_Q4_K || type == MYNAH_Q6_K) { return k % 256 == 0; }
    return type == MYNAH_F32 || type == MYNAH_F16 || type == MYNAH_BF16 || k % 32 == 0;
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

/// The first weight whose prepared rows serve weight `w` too.
static int32_t home(const mynah_linear_args *args, int32_t w) {
    const mynah_kernel kernel = kernel_for(&args->weights[w], args->exact);
    for (int32_t i = 0; i < w; ++i) {
        const mynah_weight *other = &args->weights[i];
        if (kernel_for(other, args->exact).prepare == kernel.prepare
            && other->from_float == args->weights[w].from_float) {
            return i;
        }
    }
    return w;
}

/// Where the prepared rows of weight `w` begin in the scratch, behind the normalised ones and those of the weights
/// before it; for one past the last weight, where all of them end.
static size_t begin_of(const mynah_linear_args *args, int32_t w) {
    size_t bytes = norm_bytes(args);
    for (int32_t i = 0; i < w; ++i) {
        const mynah_kernel kernel = kernel_for(&args->weights[i], args->exact);
        if (home(args, i) == i) { bytes += prepared_bytes(&kernel, &args->weights[i], args->k); }
    }
    return bytes * (size_t)args->rows;
}

size_t mynah_linear_scratch(const mynah_linear_args *args) { return 64 + begin_of(args, args->weight_count); }

int32_t mynah_linear_prepares(const mynah_linear_args *args) { return begin_of(args, args->weight_count) > 0; }

static uint8_t *scratch_of(const mynah_linear_args *args) {
    return (uint8_t *)(((uintptr_t)args->scratch + 63) & ~(uintptr_t)63);
}

/// Row `r` as the products see it: normalised where there is a norm.
static const float *input_row(const mynah_linear_args *args, int64_t r) {
    if (args->norm_weight == NULL) { return args->x + r * args->x_stride; }
    return (const float *)(scratch_of(args) + (size_t)r * norm_bytes(args));
}

void mynah_linear_prepare(const mynah_linear_args *args, int32_t ith, int32_t nth) {
    const int64_t from = args->rows * ith / nth, to = args->rows * (ith + 1) / nth;
    for (int64_t r = from; args->norm_weight && r < to; ++r) {
        mynah_rms_norm((float *)(scratch_of(args) + (size_t)r * norm_bytes(args)), args->x + r * args->x_stride,
                       args->norm_weight, args->norm_eps, 1, args->k, args->k, args->k, 0, 1);
    }
    for (int32_t w = 0; w < args->weight_count; ++w) {
        const mynah_kernel kernel = kernel_for(&args->weights[w], args->exact);
        if (kernel.prepare == NULL || home(args, w) != w) { continue; }
        const size_t bytes = prepared_bytes(&kernel, &args->weights[w], args->k);
        uint8_t *out = scratch_of(args) + begin_of(args, w);
        for (int64_t r = from; r < to; ++r) {
            kernel.prepare(&args->weights[w], input_row(args, r), args->k, out + (size_t)r * bytes);
        }
    }
}

/// The activation rows `first` ..< `first + rows` for weight `w`.
static mynah_tile tile_for(const mynah_linear_args *args, int32_t w, int64_t first, int64_t rows) {
    const mynah_weight *weight = &args->weights[w];
    const mynah_kernel kernel = kernel_for(weight, args->exact);
    mynah_tile tile = {.weight = weight, .rows = rows, .k = args->k};
    if (kernel.prepare == NULL) {
        tile.activation_stride = args->norm_weight ? norm_bytes(args) : (size_t)args->x_stride * sizeof(float);
        tile.activations = (const uint8_t *)input_row(args, first);
    } else {
        tile.activation_stride = prepared_bytes(&kernel, weight, args->k);
        tile.activations = scratch_of(args) + begin_of(args, home(args, w)) + (size_t)first * tile.activation_stride;
    }
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

static void store(const mynah_linear_args *args, int64_t first, int64_t rows, const float *values, int64_t column,
                  int64_t count) {
    for (int64_t r = 0; r < rows; ++r) {
        float *y = args->y + (first + r) * args->y_stride + column;
        const float *v = values + r * count;
        if (args->residual) {
            const float *residual = args->residual + (first + r) * args->residual_stride + column;
            for (int64_t i = 0; i < count; ++i) { y[i] = residual[i] + v[i]; }
        } else {
            for (int64_t i = 0; i < count; ++i) { y[i] = v[i]; }
        }
    }
}

static int64_t rows_from(const mynah_linear_args *args, int64_t first) {
    const int64_t left = args->rows - first;
    return left < MYNAH_TILE_ROWS ? left : MYNAH_TILE_ROWS;
}

void mynah_linear(const mynah_linear_args *args, int32_t ith, int32_t nth) {
    _Alignas(64) float buffer[BUFFER];
    for (int64_t first = 0; first < args->rows; first += MYNAH_TILE_ROWS) {
        const int64_t rows = rows_from(args, first), block = BUFFER / rows / OUTPUT_UNIT * OUTPUT_UNIT;
        int64_t column = 0;
        for (int32_t w = 0; w < args->weight_count; ++w) {
            mynah_tile tile = tile_for(args, w, first, rows);
            int64_t from, to;
            share(args->weights[w].rows, ith, nth, &from, &to);
            for (int64_t n = from; n < to; n += block) {
                const int64_t count = to - n < block ? to - n : block;
                dot(&tile, args, n, count, buffer);
                store(args, first, rows, buffer, column + n, count);
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
        const int64_t rows = rows_from(args, first), widest = BUFFER / 2 / rows / OUTPUT_UNIT * OUTPUT_UNIT;
        const int64_t block = widest < 64 ? widest : 64;
        mynah_tile gate = tile_for(args, 0, first, rows), up = tile_for(args, 1, first, rows);
        for (int64_t n = from; n < to; n += block) {
            const int64_t count = to - n < block ? to - n : block;
            dot(&gate, args, n, count, gates);
            dot(&up, args, n, count, values);
            const mynah_swiglu_args gated = {gates, values, values, 1, count * rows, 0, 0, 0};
            mynah_swiglu(&gated, 0, 1);
            store(args, first, rows, values, n, count);
        }
    }
}
