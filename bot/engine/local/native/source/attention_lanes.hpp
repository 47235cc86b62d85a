// Scores and sums of values with vectors: any processor, any head_dim, few queries at a time.
#pragma once
#include <algorithm>
#include "cache.hpp"

// What the next unit reads, asked for in small amounts while this one is computed: the two together then take the
// longer of their times, not the sum.
class Ahead {
    const char* keys_ = nullptr;
    const char* values_ = nullptr;
    const int32_t* blocks_ = nullptr;
    size_t stride_ = 0, bytes_ = 0, at_ = 0, end_ = 0, share_ = 0;

  public:
    Ahead() = default;

    // Keys and values of `tokens` tokens from the first of `blocks` on, in `times` shares.
    template <class T>
    Ahead(const Cache<T>& cache, int head, const int32_t* blocks, int tokens, int times)
        : keys_(reinterpret_cast<const char*>(cache.keys + cache.block(0, head))),
          values_(reinterpret_cast<const char*>(cache.values + cache.block(0, head))), blocks_(blocks),
          stride_((cache.block(1, 0)) * sizeof(T)),
          bytes_(size_t(cache.block_tokens) * size_t(cache.head_dim) * sizeof(T)),
          end_(size_t(tokens) * size_t(cache.head_dim) * sizeof(T)),
          share_((end_ / size_t(std::max(1, times)) + 63) / 64 * 64) {}

    // The next share.
    INLINE void some() {
        for (const size_t until = std::min(end_, at_ + share_); at_ < until; at_ += 64) {
            const size_t place = size_t(blocks_[at_ / bytes_]) * stride_ + at_ % bytes_;
            __builtin_prefetch(keys_ + place, 0, 2);
            __builtin_prefetch(values_ + place, 0, 2);
        }
    }
};

// A unit's numbers: `rows` queries [width], scores and weights [keys], sums of values [width].
template <class T> struct Work {
    int rows, keys, width;
    T* query;
    float* scores;
    T* weights;
    float* sums;
    float* greatest;
    float* total;
    T* spare;
    Ahead ahead;
};

template <class T, int ROWS, int GROUPS>
static INLINE void score_block(const T* keys, int head_dim, const T* query, int width, float* scores, int stride) {
    constexpr int P = Pack<T>::together, CHAINS = ROWS * GROUPS < 8 ? 2 : 1;
    floats total[CHAINS][ROWS][GROUPS] = {};
    int d = 0;
    for (; d + P * CHAINS <= head_dim; d += P * CHAINS)
        for (int c = 0; c < CHAINS; c++)
            for (int g = 0; g < GROUPS; g++)
                for (int r = 0; r < ROWS; r++)
                    total[c][r][g] = Pack<T>::dot(total[c][r][g], keys + ((d + c * P) + g * head_dim) * LANES,
                                                  lane_at(query + r * width + d + c * P));
    for (; d < head_dim; d += P)
        for (int g = 0; g < GROUPS; g++)
            for (int r = 0; r < ROWS; r++)
                total[0][r][g] =
                    Pack<T>::dot(total[0][r][g], keys + (d + g * head_dim) * LANES, lane_at(query + r * width + d));
    for (int r = 0; r < ROWS; r++)
        for (int g = 0; g < GROUPS; g++)
            store(scores + r * stride + g * LANES,
                  CHAINS == 2 ? total[0][r][g] + total[CHAINS - 1][r][g] : total[0][r][g]);
}

template <class T, int ROWS>
static void score_rows(const Cache<T>& cache, const T* keys, int count, int row, const Work<T>& work) {
    const int tokens = cache.block_tokens;
    int k = 0;
    for (; k + LANES < count && k + 2 * LANES <= tokens; k += 2 * LANES)
        score_block<T, ROWS, 2>(keys + k * cache.head_dim, cache.head_dim, work.query + row * work.width, work.width,
                                work.scores + row * work.keys + k, work.keys);
    for (; k < count; k += LANES)
        score_block<T, ROWS, 1>(keys + k * cache.head_dim, cache.head_dim, work.query + row * work.width, work.width,
                                work.scores + row * work.keys + k, work.keys);
}

// work.scores [rows][count] = query . key, of keys that begin with the first of `blocks`.
template <class T> void score_lanes(const Cache<T>& cache, int head, const int32_t* blocks, int count, Work<T>& work) {
    Work<T> part = work;
    for (int from = 0; from < count; from += cache.block_tokens) {
        const T* keys = cache.keys + cache.block(blocks[from / cache.block_tokens], head);
        const int here = std::min(count - from, cache.block_tokens);
        work.ahead.some();
        part.scores = work.scores + from;
        int row = 0;
        for (; row + 8 <= work.rows; row += 8) score_rows<T, 8>(cache, keys, here, row, part);
        for (; row + 4 <= work.rows; row += 4) score_rows<T, 4>(cache, keys, here, row, part);
        for (; row + 2 <= work.rows; row += 2) score_rows<T, 2>(cache, keys, here, row, part);
        for (; row < work.rows; row++) score_rows<T, 1>(cache, keys, here, row, part);
    }
}

// The last lanes of a pack may belong to a token that is not there: whatever stands in its place must not count.
template <class T> static INLINE void only_first(T*) {}
template <> INLINE void only_first<bf16>(bf16* lanes) {
    for (int i = 1; i < 2 * LANES; i += 2) lanes[i].bits = 0;
}

template <class T, int ROWS, int VECTORS>
static INLINE void add_block(const T* values, int count, int head_dim, int left, const T* weights, int stride,
                             float* sums, int width) {
    constexpr int P = Pack<T>::together;
    floats total[ROWS][VECTORS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++) total[r][v] = load(sums + r * width + v * LANES);
    const bool narrow = left < VECTORS * LANES;
    int k = 0;
    for (; k + P <= count && !narrow; k += P, values += size_t(head_dim) * P)
        for (int v = 0; v < VECTORS; v++)
            for (int r = 0; r < ROWS; r++)
                total[r][v] = Pack<T>::dot(total[r][v], values + v * LANES * P, lane_at(weights + r * stride + k));
    for (; k < count; k += P, values += size_t(head_dim) * P)
        for (int v = 0; v < VECTORS; v++) {
            T lanes[LANES * P] = {};
            std::memcpy(lanes, values + v * LANES * P, sizeof(T) * size_t(P * std::min(LANES, left - v * LANES)));
            if (k + P > count) only_first(lanes);
            for (int r = 0; r < ROWS; r++)
                total[r][v] = Pack<T>::dot(total[r][v], lanes, lane_at(weights + r * stride + k));
        }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++) store(sums + r * width + v * LANES, total[r][v]);
}

template <class T, int ROWS>
static void add_rows(const Cache<T>& cache, const T* values, int count, int from, int row, const Work<T>& work) {
    constexpr int P = Pack<T>::together;
    const T* weights = work.weights + row * work.keys + from;
    float* sums = work.sums + row * work.width;
    int d = 0;
    for (; d + 4 * LANES <= cache.head_dim; d += 4 * LANES)
        add_block<T, ROWS, 4>(values + d * P, count, cache.head_dim, 4 * LANES, weights, work.keys, sums + d,
                              work.width);
    for (; d < cache.head_dim; d += LANES)
        add_block<T, ROWS, 1>(values + d * P, count, cache.head_dim, cache.head_dim - d, weights, work.keys, sums + d,
                              work.width);
}

// work.sums [rows][head_dim] += weights . values.
template <class T>
void add_value_lanes(const Cache<T>& cache, int head, const int32_t* blocks, int count, Work<T>& work) {
    for (int from = 0; from < count; from += cache.block_tokens) {
        const T* values = cache.values + cache.block(blocks[from / cache.block_tokens], head);
        const int here = std::min(count - from, cache.block_tokens);
        work.ahead.some();
        int row = 0;
        for (; row + 4 <= work.rows; row += 4) add_rows<T, 4>(cache, values, here, from, row, work);
        for (; row + 2 <= work.rows; row += 2) add_rows<T, 2>(cache, values, here, from, row, work);
        for (; row < work.rows; row++) add_rows<T, 1>(cache, values, here, from, row, work);
    }
}
