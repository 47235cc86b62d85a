// Products with vectors, on any processor. A row's sums are made in the same order whatever the number of rows.
#pragma once
#include <type_traits>
#include "rows.hpp"

#if defined(__AVX512F__)
constexpr int64_t MOST_TOGETHER = 12;  // rows whose sums fit into registers
#else
constexpr int64_t MOST_TOGETHER = 4;
#endif
constexpr int AHEAD_BYTES = 4096;  // how far weights are asked for before they are needed

// A line of weights: sixteen lanes of one of a piece's two tiles, as `Pack<T>` wants them.
//
// Whole numbers for bfloat16 stand by eights, two lines in turn, since that is how bytes are widened fastest.
template <class T> struct Lanes;
template <> struct Lanes<float> {
    static INLINE floats take(const float* tile, int line) { return load(tile + line * LANES); }
    static INLINE floats take(const int8_t* tile, int line) {
        using bytes = int8_t __attribute__((vector_size(16)));
        return __builtin_convertvector(load_as<bytes>(tile + line * LANES), floats);
    }
    static INLINE floats dot(floats total, floats lanes, float factor) { return total + lanes * factor; }
};
template <> struct Lanes<bf16> {
    static INLINE words take(const bf16* tile, int line) { return load_as<words>(tile + line * LANES * 2); }
    // Whole numbers up to 127 are exact in bfloat16.
    static INLINE words take(const int8_t* tile, int line) {
        int8_t bytes[LANES * 2];
        for (int i = 0; i < 4; i++) std::memcpy(bytes + i * 8, tile + line / 2 * 64 + i * 16 + line % 2 * 8, 8);
        ints pairs = bits_as<ints>(__builtin_convertvector(load_as<halves>(bytes), words));
        floats first = __builtin_convertvector(pairs << 24 >> 24, floats),
               second = __builtin_convertvector(pairs << 16 >> 24, floats);
        return (bits_as<words>(first) >> 16) | bits_as<words>(second);
    }
    static INLINE floats dot(floats total, words lanes, uint32_t factor) {
        return Pack<bf16>::dot(total, lanes, factor);
    }
};

// `ROWS` rows, from `row` on, times `pieces` of a panel, into `results` [ROWS][32].
template <class T, int ROWS, class W>
static void multiply_rows(const W* weights, int64_t pieces, const Rows<T>& from, int64_t from_piece, int64_t row,
                          bool ahead, float* results) {
    constexpr int P = Pack<T>::together, LINES = 32 / P;
    constexpr int PIECE_BYTES = 1024 * int(sizeof(W));
    floats total[ROWS][2] = {};
    for (int64_t piece = 0; piece < pieces; piece++, weights += 1024) {
        const T* given[ROWS];
        for (int r = 0; r < ROWS; r++) given[r] = from.at(row + r, (from_piece + piece) * 32);
        if (ahead)
            for (int line = 0; line < PIECE_BYTES; line += 64)
                __builtin_prefetch(reinterpret_cast<const char*>(weights) + AHEAD_BYTES + line);
        for (int line = 0; line < LINES; line++) {
            const auto first = Lanes<T>::take(weights, line), second = Lanes<T>::take(weights + 512, line);
            for (int r = 0; r < ROWS; r++) {
                const auto factor = lane_at(given[r] + line * P);
                total[r][0] = Lanes<T>::dot(total[r][0], first, factor);
                total[r][1] = Lanes<T>::dot(total[r][1], second, factor);
            }
        }
    }
    for (int r = 0; r < ROWS; r++) store(results + r * 32, total[r][0]), store(results + r * 32 + 16, total[r][1]);
}

template <class T, class W, class End>
void multiply_lanes(const W* weights, int64_t pieces, const Rows<T>& from, int64_t from_piece, int64_t row,
                    int64_t last, int64_t panel, const End& end) {
    alignas(64) float results[MOST_TOGETHER * 32];
    // Only the first rows ask for the panel: the others find it in the cache.
    for (bool ahead = true; row < last; ahead = false) {
        const int64_t left = last - row, many = left >= MOST_TOGETHER ? MOST_TOGETHER : left >= 4 ? 4 : 1;
        if (many == MOST_TOGETHER)
            multiply_rows<T, MOST_TOGETHER>(weights, pieces, from, from_piece, row, ahead, results);
        else if (many == 4)
            multiply_rows<T, 4>(weights, pieces, from, from_piece, row, ahead, results);
        else
            multiply_rows<T, 1>(weights, pieces, from, from_piece, row, ahead, results);
        for (int64_t r = 0; r < many; r++, row++) end(row, panel, load(results + r * 32), load(results + r * 32 + 16));
    }
}
