#include "linear_kernel.h"

#include <string.h>

// Weights that are made when a model is loaded, rather than mapped, lie as the product reads them: what linear_vnni.c
// does to stored blocks in registers for every walk is done once. Four rows make a panel; a panel holds, group by
// group, the turned bytes of its rows (linear_vnni_turn.h; q8_0 with 128 added), then their sixteen scales each. Sums
// are formed as from stored blocks, to the last bit.

enum {
    /// Weight rows of a panel.
    PANEL = 4,
    /// Groups of a panel that meet every activation row before the next ones: they stay in the first-level cache.
    GROUPS = 8,
    /// How far ahead of the multiplication memory is asked for, by one activation row of q8_0 and by others.
    NEAR = 3072,
    AHEAD = 8192,
    /// Bytes of one row's scales in a group.
    SCALES = 2 * MYNAH_BLOCKS,
};

/// Bytes of one row's values in a group.
MYNAH_INLINE size_t values_bytes(const int32_t type) { return type == MYNAH_Q4_0 ? MYNAH_GROUP / 2 : MYNAH_GROUP; }

MYNAH_INLINE size_t panel_group(const int32_t type) { return PANEL * (values_bytes(type) + SCALES); }

size_t mynah_linear_turned_row(int32_t type, int64_t k) {
    return (values_bytes(type) + SCALES) * (size_t)mynah_groups(k);
}

size_t mynah_linear_turned_bytes(int32_t type, int64_t rows, int64_t k) {
    return mynah_linear_turned_row(type, k) * (size_t)((rows + PANEL - 1) / PANEL * PANEL);
}

/// One block to lane `lane` of a row's values and scales.
static void turn_block(uint8_t *values, uint8_t *scales, const uint8_t *block, size_t lane, int32_t type) {
    const size_t steps = values_bytes(type) / 64;
    memcpy(scales + 2 * lane, block, 2);
    for (size_t t = 0; t < steps; ++t) {
        uint8_t *to = values + 64 * t + 4 * lane;
        memcpy(to, block + 2 + 4 * t, 4);
        for (int i = 0; type == MYNAH_Q8_0 && i < 4; ++i) { to[i] ^= 0x80; }
    }
}

void mynah_linear_turn(int32_t type, void *data, int64_t rows, int64_t k, void *panel) {
    const size_t block = type == MYNAH_Q4_0 ? sizeof(mynah_block_q4_0) : sizeof(mynah_block_q8_0);
    const size_t blocks = (size_t)(k / MYNAH_BLOCK), row_bytes = blocks * block, values = values_bytes(type);
    const size_t bytes = PANEL * mynah_linear_turned_row(type, k);
    // Panels are no smaller than the rows they are made of, so from the last on none overwrites rows still to come.
    for (int64_t p = (rows + PANEL - 1) / PANEL - 1; p >= 0; --p) {
        const size_t count = rows - p * PANEL < PANEL ? (size_t)(rows - p * PANEL) : PANEL;
        uint8_t *group = (uint8_t *)data + (size_t)p * bytes;
        memcpy(panel, (uint8_t *)data + (size_t)p * PANEL * row_bytes, count * row_bytes);
        memset(group, 0, bytes);
        for (size_t b = 0; b < blocks; ++b) {
            // A block's place in the group's vectors is its lane.
            const size_t lane = b % MYNAH_BLOCKS;
            for (size_t r = 0; r < count; ++r) {
                const uint8_t *from = (const uint8_t *)panel + r * row_bytes + b * block;
                turn_block(group + values * r, group + PANEL * values + SCALES * r, from, lane, type);
            }
            if (lane == MYNAH_BLOCKS - 1) { group += panel_group(type); }
        }
    }
}

#if MYNAH_X86

#include "linear_vnni_dot.h"

/// Step i of row a of a panel's group: four elements of each block.
VNNI __m512i values_of(const uint8_t *group, int a, int i, const int32_t type) {
    const uint8_t *row = group + values_bytes(type) * (size_t)a;
    if (type == MYNAH_Q8_0) { return _mm512_load_si512(row + 64 * i); }
    const __m512i both = _mm512_load_si512(row + 64 * (i % 4));
    return _mm512_and_si512(i < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
}

VNNI __m512 scale_of(const uint8_t *group, int a, const int32_t type) {
    return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(group + PANEL * values_bytes(type) + SCALES * a)));
}

/// One group of a panel with one activation row or two: eight chains, none of which waits for itself.
VNNI void add_panel(__m512 (*sum)[PANEL], const uint8_t *group, const mynah_group *const *x, const int rows,
                    const int32_t type) {
    __m512i dot[2][PANEL];
    for (int r = 0; r < rows; ++r) {
        for (int a = 0; a < PANEL; ++a) { dot[r][a] = owed(x[r], type); }
    }
#pragma clang loop unroll(full)
    for (int k = 0; k < 8; ++k) {
        for (int a = 0; a < PANEL; ++a) {
            const __m512i w = values_of(group, a, k, type);
            for (int r = 0; r < rows; ++r) {
                dot[r][a] = _mm512_dpbusd_epi32(dot[r][a], w, _mm512_load_si512(x[r]->q + 64 * k));
            }
        }
    }
    for (int a = 0; a < PANEL; ++a) {
        const turned w = {.scale = scale_of(group, a, type)};
        for (int r = 0; r < rows; ++r) { sum[r][a] = add_scaled(sum[r][a], dot[r][a], &w, x[r], type); }
    }
}

VNNI void ask_all(const uint8_t *p, size_t bytes) {
    ahead a = {p, p + bytes};
    ask(&a, (int64_t)bytes / 64);
}

/// A panel of q8_0 with one activation row: memory is all that it waits for, and comes soonest when it is asked for a
/// row's part at a time.
VNNI void one_row(const mynah_tile *t, const uint8_t *data, int64_t i, int64_t n) {
    const mynah_group *x = groups_of(t, 0);
    const size_t values = values_bytes(MYNAH_Q8_0), bytes = panel_group(MYNAH_Q8_0);
    __m512 sum[PANEL];
    for (int a = 0; a < PANEL; ++a) { sum[a] = _mm512_setzero_ps(); }
    for (int64_t g = 0; g < mynah_groups(t->k); ++g, data += bytes) {
#pragma clang loop unroll(full)
        for (int a = 0; a < PANEL; ++a) {
            __m512i dot = owed(x + g, MYNAH_Q8_0);
            ask_all(data + NEAR + values * (size_t)a, values);
#pragma clang loop unroll(full)
            for (int k = 0; k < 8; ++k) {
                const __m512i w = values_of(data, a, k, MYNAH_Q8_0);
                dot = _mm512_dpbusd_epi32(dot, w, _mm512_load_si512(x[g].q + 64 * k));
            }
            const turned w = {.scale = scale_of(data, a, MYNAH_Q8_0)};
            sum[a] = add_scaled(sum[a], dot, &w, x + g, MYNAH_Q8_0);
        }
        ask_all(data + NEAR + PANEL * values, PANEL * SCALES);
    }
    store_sums(t, i, 0, n, sum);
}

/// Some groups of a panel on their way to the sums of two activation rows.
typedef struct {
    const uint8_t *data;
    int64_t groups;
    /// Whether these are the first, and the last, of the row.
    int first, last;
    ahead next;
    int64_t lines;
} stretch;

/// A stretch with `rows` activation rows, one or two. Sums rest in memory between one stretch and the next; the last
/// gives those of outputs i ..< i + n of rows b and b + 1.
VNNI void meet(const mynah_tile *t, stretch *s, __m512 (*sums)[PANEL], const mynah_group *x, int64_t i, int64_t n,
               int64_t b, const int rows, const int32_t type) {
    __m512 sum[2][PANEL];
    const mynah_group *xs[2] = {x, (const mynah_group *)((const uint8_t *)x + t->activation_stride)};
    for (int r = 0; r < rows; ++r) {
        for (int a = 0; a < PANEL; ++a) { sum[r][a] = s->first ? _mm512_setzero_ps() : sums[b + r][a]; }
    }
    const uint8_t *group = s->data;
    for (int64_t g = 0; g < s->groups; ++g, group += panel_group(type), ++xs[0], ++xs[1]) {
        ask(&s->next, s->lines);
        add_panel(sum, group, xs, rows, type);
    }
    for (int r = 0; r < rows; ++r) {
        if (s->last) {
            store_sums(t, i, b + r, n, sum[r]);
        } else {
            for (int a = 0; a < PANEL; ++a) { sums[b + r][a] = sum[r][a]; }
        }
    }
}

VNNI void panel(const mynah_tile *t, int64_t i, const int32_t type) {
    __m512 sums[MYNAH_TILE_ROWS][PANEL];
    const int64_t all = mynah_groups(t->k), n = t->count - i < PANEL ? t->count - i : PANEL;
    const size_t bytes = PANEL * t->weight->row_bytes;
    stretch s = {.data = t->data + (size_t)i * t->weight->row_bytes};
    if (t->rows == 1 && type == MYNAH_Q8_0) { return one_row(t, s.data, i, n); }
    s.next.at = s.data + (AHEAD + bytes - 1) / bytes * bytes;
    s.next.end = s.next.at + bytes;
    s.lines = (int64_t)(panel_group(type) / 64) / ((t->rows + 1) / 2) + 1;
    for (int64_t g = 0; g < all; g += GROUPS, s.data += GROUPS * panel_group(type)) {
        s.groups = all - g < GROUPS ? all - g : GROUPS;
        s.first = g == 0;
        s.last = g + GROUPS >= all;
        int64_t b = 0;
        for (; b + 2 <= t->rows; b += 2) { meet(t, &s, sums, groups_of(t, b) + g, i, n, b, 2, type); }
        if (b < t->rows) { meet(t, &s, sums, groups_of(t, b) + g, i, n, b, 1, type); }
    }
}

MYNAH_TARGET_VNNI void mynah_turned_dot_q4_0(const mynah_tile *t) {
    for (int64_t i = 0; i < t->count; i += PANEL) { panel(t, i, MYNAH_Q4_0); }
}

MYNAH_TARGET_VNNI void mynah_turned_dot_q8_0(const mynah_tile *t) {
    for (int64_t i = 0; i < t->count; i += PANEL) { panel(t, i, MYNAH_Q8_0); }
}

#endif
