#include "linear_kernel.h"

#include <string.h>

// Weights that are made when a model is loaded, rather than mapped, lie as the product reads them: what linear_vnni.c
// does to stored blocks in registers for every walk is done once. Four rows make a panel; a panel holds, group by
// group, the turned bytes of its rows (linear_vnni_turn.h), then their sixteen scales each. Sums are formed as from
// stored blocks, to the last bit. Only q4_0 gains: one row of q8_0 waits for memory, and came out slower this way.

enum {
    /// Weight rows of a panel.
    PANEL = 4,
    /// Groups of a panel that meet every activation row before the next ones: they stay in the first-level cache.
    GROUPS = 8,
    /// How far ahead of the multiplication memory is asked for.
    AHEAD = 8192,
};

enum {
    /// Bytes of one row's values in a group, and of its scales.
    VALUES = MYNAH_GROUP / 2,
    SCALES = 2 * MYNAH_BLOCKS,
    PANEL_GROUP = PANEL * (VALUES + SCALES),
};

size_t mynah_linear_turned_row(int64_t k) { return (VALUES + SCALES) * (size_t)mynah_groups(k); }

size_t mynah_linear_turned_bytes(int64_t rows, int64_t k) {
    return mynah_linear_turned_row(k) * (size_t)((rows + PANEL - 1) / PANEL * PANEL);
}

void mynah_linear_turn(void *data, int64_t rows, int64_t k, void *panel) {
    const size_t blocks = (size_t)(k / MYNAH_BLOCK), row_bytes = blocks * sizeof(mynah_block_q4_0);
    const size_t bytes = PANEL * mynah_linear_turned_row(k);
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
                const mynah_block_q4_0 *from = (const mynah_block_q4_0 *)((uint8_t *)panel + r * row_bytes) + b;
                memcpy(group + PANEL * VALUES + SCALES * r + 2 * lane, &from->d, 2);
                for (size_t t = 0; t < 4; ++t) { memcpy(group + VALUES * r + 64 * t + 4 * lane, from->q + 4 * t, 4); }
            }
            if (lane == MYNAH_BLOCKS - 1) { group += PANEL_GROUP; }
        }
    }
}

#if MYNAH_X86

#include "linear_vnni_dot.h"

/// Step i of row a of a panel's group: four elements of each block.
VNNI __m512i values_of(const uint8_t *group, int a, int i) {
    const __m512i both = _mm512_load_si512(group + VALUES * a + 64 * (i % 4));
    return _mm512_and_si512(i < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
}

VNNI __m512 scale_of(const uint8_t *group, int a) {
    return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(group + PANEL * VALUES + SCALES * a)));
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

/// A stretch with `rows` activation rows, one or two: eight chains, none of which waits for itself. Sums rest in
/// memory between one stretch and the next; the last gives those of outputs i ..< i + n of rows b and b + 1.
VNNI void meet(const mynah_tile *t, stretch *s, __m512 (*sums)[PANEL], const mynah_group *x, int64_t i, int64_t n,
               int64_t b, const int rows) {
    __m512 sum[2][PANEL];
    const mynah_group *const xs[2] = {x, (const mynah_group *)((const uint8_t *)x + t->activation_stride)};
    for (int r = 0; r < rows; ++r) {
        for (int a = 0; a < PANEL; ++a) { sum[r][a] = s->first ? _mm512_setzero_ps() : sums[b + r][a]; }
    }
    const uint8_t *group = s->data;
    for (int64_t g = 0; g < s->groups; ++g, group += PANEL_GROUP) {
        __m512i dot[2][PANEL];
        ask(&s->next, s->lines);
        for (int r = 0; r < rows; ++r) {
            for (int a = 0; a < PANEL; ++a) { dot[r][a] = owed(xs[r] + g, MYNAH_Q4_0); }
        }
#pragma clang loop unroll(full)
        for (int k = 0; k < 8; ++k) {
            for (int a = 0; a < PANEL; ++a) {
                const __m512i w = values_of(group, a, k);
                for (int r = 0; r < rows; ++r) {
                    dot[r][a] = _mm512_dpbusd_epi32(dot[r][a], w, _mm512_load_si512(xs[r][g].q + 64 * k));
                }
            }
        }
        for (int a = 0; a < PANEL; ++a) {
            const turned w = {.scale = scale_of(group, a)};
            for (int r = 0; r < rows; ++r) { sum[r][a] = add_scaled(sum[r][a], dot[r][a], &w, xs[r] + g, MYNAH_Q4_0); }
        }
    }
    for (int r = 0; r < rows; ++r) {
        if (s->last) {
            store_sums(t, i, b + r, n, sum[r]);
        } else {
            for (int a = 0; a < PANEL; ++a) { sums[b + r][a] = sum[r][a]; }
        }
    }
}

VNNI void panel(const mynah_tile *t, int64_t i) {
    __m512 sums[MYNAH_TILE_ROWS][PANEL];
    const int64_t all = mynah_groups(t->k), n = t->count - i < PANEL ? t->count - i : PANEL;
    const size_t bytes = PANEL * t->weight->row_bytes;
    stretch s = {.data = t->data + (size_t)i * t->weight->row_bytes};
    s.next.at = s.data + (AHEAD + bytes - 1) / bytes * bytes;
    s.next.end = s.next.at + bytes;
    s.lines = (PANEL_GROUP / 64) / ((t->rows + 1) / 2) + 1;
    for (int64_t g = 0; g < all; g += GROUPS, s.data += GROUPS * PANEL_GROUP) {
        s.groups = all - g < GROUPS ? all - g : GROUPS;
        s.first = g == 0;
        s.last = g + GROUPS >= all;
        int64_t b = 0;
        for (; b + 2 <= t->rows; b += 2) { meet(t, &s, sums, groups_of(t, b) + g, i, n, b, 2); }
        if (b < t->rows) { meet(t, &s, sums, groups_of(t, b) + g, i, n, b, 1); }
    }
}

MYNAH_TARGET_VNNI void mynah_turned_dot(const mynah_tile *t) {
    for (int64_t i = 0; i < t->count; i += PANEL) { panel(t, i); }
}

#endif
