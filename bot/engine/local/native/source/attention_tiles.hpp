// Scores and sums of values with matrix tiles: bfloat16, whole pieces of 32 numbers.
//
// Up to sixteen queries ("thin") leave all four results to as many keys or numbers of a value; more queries share them,
// two by two. Tiles 0 to 3 are results, 4 (and 5 for more queries) the left matrix, the others the right one.
#pragma once
#include <algorithm>
#include "amx.hpp"
#include "attention_lanes.hpp"

template <class T> bool fits_tiles(const Cache<T>&, int) { return false; }
template <class T> void score_tiles(const Cache<T>&, int, const int32_t*, int, Work<T>&) {}
template <class T> void add_value_tiles(const Cache<T>&, int, const int32_t*, int, Work<T>&) {}

#ifdef NATIVE_AMX
template <> inline bool fits_tiles<bf16>(const Cache<bf16>& cache, int) {
    return amx_allowed && cache.block_tokens % 32 == 0 && cache.head_dim % 32 == 0;
}

// The block of key `k`, from that key on, and whether another follows to be asked for.
INLINE const bf16* keys_from(const Cache<bf16>& cache, int head, const int32_t* blocks, int k) {
    return cache.keys + cache.block(blocks[k / cache.block_tokens], head) + k % cache.block_tokens * cache.head_dim;
}

// Scores of `MANY` times sixteen keys, from key `k` on, for up to sixteen queries.
template <int MANY>
static INLINE void score_thin(const Cache<bf16>& cache, int head, const int32_t* blocks, int k,
                              const Work<bf16>& work) {
    const bf16* near = keys_from(cache, head, blocks, k);
    const bf16* far = MANY > 2 ? keys_from(cache, head, blocks, k + 32) : near;
    const long query_stride = work.width * 2, score_stride = work.keys * 4;
    const int second = cache.head_dim * 16;
    float* scores = work.scores + k;
    _tile_zero(0);
    _tile_zero(1);
    if (MANY > 2) {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int d = 0; d < cache.head_dim; d += 32, near += 512, far += 512) {
        _tile_loadd(4, work.query + d, query_stride);
        _tile_loadd(6, near, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, near + second, 64);
        _tile_dpbf16ps(1, 4, 7);
        if (MANY > 2) {
            _tile_loadd(5, far, 64);
            _tile_dpbf16ps(2, 4, 5);
            _tile_loadd(6, far + second, 64);
            _tile_dpbf16ps(3, 4, 6);
        }
    }
    _tile_stored(0, scores, score_stride);
    _tile_stored(1, scores + 16, score_stride);
    if (MANY > 2) {
        _tile_stored(2, scores + 32, score_stride);
        _tile_stored(3, scores + 48, score_stride);
    }
}

// Scores of 32 keys, from key `k` on, for 17 to 32 queries.
static INLINE void score_square(const Cache<bf16>& cache, int head, const int32_t* blocks, int k,
                                const Work<bf16>& work) {
    const bf16* keys = keys_from(cache, head, blocks, k);
    const long query_stride = work.width * 2, score_stride = work.keys * 4;
    float* scores = work.scores + k;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int d = 0; d < cache.head_dim; d += 32, keys += 512) {
        _tile_loadd(4, work.query + d, query_stride);
        _tile_loadd(6, keys, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, keys + cache.head_dim * 16, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, work.query + 16 * work.width + d, query_stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, scores, score_stride);
    _tile_stored(1, scores + 16, score_stride);
    _tile_stored(2, scores + 16 * work.keys, score_stride);
    _tile_stored(3, scores + 16 * work.keys + 16, score_stride);
}

template <>
inline void score_tiles<bf16>(const Cache<bf16>& cache, int head, const int32_t* blocks, int count, Work<bf16>& work) {
    written();
    for (int k = 0; k < count; k += 32) {
        work.ahead.some();
        if (work.rows > 16) {
            score_square(cache, head, blocks, k, work);
        } else if (k + 32 < count) {
            score_thin<4>(cache, head, blocks, k, work);
            k += 32;
        } else {
            score_thin<2>(cache, head, blocks, k, work);
        }
    }
    written();
}

// What stands after the last token must not count, not even times 0: the last piece with zeros there.
static INLINE void fill_values(const bf16* from, int count, int dims, bf16* to) {
    const int pairs = count / 2;
    std::memcpy(to, from, sizeof(bf16) * size_t(pairs * 2 * dims));
    std::memset(to + pairs * 2 * dims, 0, sizeof(bf16) * size_t((32 - pairs * 2) * dims));
    if (count % 2)
        for (int d = 0; d < dims; d++) to[(pairs * dims + d) * 2] = from[(pairs * dims + d) * 2];
}

// Adds `MANY` times sixteen numbers of the values, from number `d` on, for up to sixteen queries, or (`MANY` 2, `BOTH`)
// for 17 to 32.
template <int MANY, bool BOTH, class Values>
static INLINE void add_numbers(Work<bf16>& work, int count, int dims, int d, const Values& values) {
    const long weight_stride = work.keys * 2, value_stride = dims * 4, sum_stride = work.width * 4;
    float* sums = work.sums + d;
    float* others = BOTH ? sums + 16 * work.width : sums + 32;
    _tile_loadd(0, sums, sum_stride);
    _tile_loadd(1, sums + 16, sum_stride);
    if (MANY > 2 || BOTH) {
        _tile_loadd(2, others, sum_stride);
        _tile_loadd(3, others + 16, sum_stride);
    }
    for (int k = 0; k < count; k += 32) {
        const bf16* from = values(k) + d * 2;
        if (d == 0) work.ahead.some();
        _tile_loadd(4, work.weights + k, weight_stride);
        _tile_loadd(6, from, value_stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, from + 32, value_stride);
        _tile_dpbf16ps(1, 4, 7);
        if (BOTH) {
            _tile_loadd(5, work.weights + 16 * work.keys + k, weight_stride);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        } else if (MANY > 2) {
            _tile_loadd(5, from + 64, value_stride);
            _tile_dpbf16ps(2, 4, 5);
            _tile_loadd(6, from + 96, value_stride);
            _tile_dpbf16ps(3, 4, 6);
        }
    }
    _tile_stored(0, sums, sum_stride);
    _tile_stored(1, sums + 16, sum_stride);
    if (MANY > 2 || BOTH) {
        _tile_stored(2, others, sum_stride);
        _tile_stored(3, others + 16, sum_stride);
    }
}

template <>
inline void add_value_tiles<bf16>(const Cache<bf16>& cache, int head, const int32_t* blocks, int count,
                                  Work<bf16>& work) {
    const int whole = count / 32 * 32, dims = cache.head_dim, tokens = cache.block_tokens;
    const auto stored = [&](int k) { return cache.values + cache.block(blocks[k / tokens], head) + k % tokens * dims; };
    const auto values = [&](int k) -> const bf16* { return k == whole ? work.spare : stored(k); };
    if (whole < count) fill_values(stored(whole), count - whole, dims, work.spare);
    written();
    int d = 0;
    if (work.rows > 16)
        for (; d < dims; d += 32) add_numbers<2, true>(work, count, dims, d, values);
    for (; d + 64 <= dims; d += 64) add_numbers<4, false>(work, count, dims, d, values);
    for (; d < dims; d += 32) add_numbers<2, false>(work, count, dims, d, values);
    written();
}
#endif
