// Scores and sums of values with matrix tiles: bfloat16, many queries at a time.
#pragma once
#include <algorithm>
#include "amx.hpp"
#include "attention_lanes.hpp"

template <class T> bool fits_tiles(const Cache<T>&, int) { return false; }
template <class T> void score_tiles(const Cache<T>&, int, const int32_t*, int, Work<T>&) {}
template <class T> void add_value_tiles(const Cache<T>&, int, const int32_t*, int, Work<T>&) {}

#ifdef NATIVE_AMX
template <> inline bool fits_tiles<bf16>(const Cache<bf16>& cache, int rows) {
    return amx_allowed && rows >= 4 && cache.block_tokens % 32 == 0 && cache.head_dim % 32 == 0;
}

// Tiles 0 to 3 hold a 32 x 32 piece of the result, 4 and 5 the left matrix, 6 and 7 the right one.
template <> inline void score_tiles<bf16>(const Cache<bf16>& cache, int head, const int32_t* blocks, int count, Work<bf16>& work) {
    const long query_stride = work.width * 2, key_stride = cache.block_tokens * 4, score_stride = work.keys * 4;
    const bool more = work.rows > 16;
    written();
    for (int k = 0; k < count; k += 32) {
        const bf16* keys = cache.keys + cache.block(blocks[k / cache.block_tokens], head) + k % cache.block_tokens * 2;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int d = 0; d < cache.head_dim; d += 32, keys += cache.block_tokens * 32) {
            _tile_loadd(6, keys, key_stride);
            _tile_loadd(7, keys + 32, key_stride);
            _tile_loadd(4, work.query + d, query_stride);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (more) {
                _tile_loadd(5, work.query + 16 * work.width + d, query_stride);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
        _tile_stored(0, work.scores + k, score_stride);
        _tile_stored(1, work.scores + k + 16, score_stride);
        if (more) {
            _tile_stored(2, work.scores + 16 * work.keys + k, score_stride);
            _tile_stored(3, work.scores + 16 * work.keys + k + 16, score_stride);
        }
    }
    written();
}

template <> inline void add_value_tiles<bf16>(const Cache<bf16>& cache, int head, const int32_t* blocks, int count, Work<bf16>& work) {
    const long weight_stride = work.keys * 2, value_stride = cache.head_dim * 4, sum_stride = work.width * 4;
    const bool more = work.rows > 16;
    const int whole = count / 32 * 32, dims = cache.head_dim;
    if (whole < count) {  // what stands after the last token must not count, not even times 0
        const bf16* from = cache.values + cache.block(blocks[whole / cache.block_tokens], head) + whole % cache.block_tokens * dims;
        const int pairs = (count - whole) / 2;
        std::memcpy(work.spare, from, sizeof(bf16) * size_t(pairs * 2 * dims));
        std::memset(work.spare + pairs * 2 * dims, 0, sizeof(bf16) * size_t((32 - pairs * 2) * dims));
        if (count % 2)
            for (int d = 0; d < dims; d++) work.spare[(pairs * dims + d) * 2] = from[(pairs * dims + d) * 2];
    }
    written();
    for (int d = 0; d < dims; d += 32) {
        float* sums = work.sums + d;
        _tile_loadd(0, sums, sum_stride);
        _tile_loadd(1, sums + 16, sum_stride);
        if (more) {
            _tile_loadd(2, sums + 16 * work.width, sum_stride);
            _tile_loadd(3, sums + 16 * work.width + 16, sum_stride);
        }
        for (int k = 0; k < count; k += 32) {
            const bf16* values = k == whole ? work.spare
                                            : cache.values + cache.block(blocks[k / cache.block_tokens], head) + k % cache.block_tokens * dims;
            _tile_loadd(6, values + d * 2, value_stride);
            _tile_loadd(7, values + d * 2 + 32, value_stride);
            _tile_loadd(4, work.weights + k, weight_stride);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (more) {
                _tile_loadd(5, work.weights + 16 * work.keys + k, weight_stride);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
        _tile_stored(0, sums, sum_stride);
        _tile_stored(1, sums + 16, sum_stride);
        if (more) {
            _tile_stored(2, sums + 16 * work.width, sum_stride);
            _tile_stored(3, sums + 16 * work.width + 16, sum_stride);
        }
    }
    written();
}
#endif
