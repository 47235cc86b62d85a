// Linear layers over packed weights: a step's rows times a matrix that is read once, in the order in which it stands.
//
// A weight [n, k] stands as [n / 32][k / 32][2][32 / P][16][P], zero where n or k is not a multiple of 32: panels of 32
// results, pieces of 32 inputs, and in them two matrix tiles, whose lines are sixteen lanes of `Pack<T>`.
#pragma once
#include <algorithm>
#include "linear_lanes.hpp"
#include "linear_tiles.hpp"
#include "team.hpp"

constexpr int64_t UNIT_BYTES = 64 << 10;   // of weights: long enough to stream, short enough to share
constexpr int64_t ROWS_BYTES = 768 << 10;  // of activations that stay in the second-level cache

constexpr int64_t SLICE_PIECES = 128;  // of wide inputs, so that enough rows share the weights that are read

enum Format : int32_t { WHOLE = 0, INT8 = 1 };

// `scale` and `bias` have a number for each result, panels filled up, or are null.
struct Linear {
    const void* weight;
    const float* scale;
    const float* bias;
    int32_t results, inputs;
    Format format;
    int32_t reserved;

    int64_t panels() const { return (int64_t(results) + 31) / 32; }
    int64_t pieces() const { return (int64_t(inputs) + 31) / 32; }
};

// What is done with two times sixteen results before `end` sees them.
template <class End> struct Finished {
    const Linear& linear;
    const End& end;
    bool biased;

    INLINE void operator()(int64_t row, int64_t panel, floats first, floats second) const {
        if (linear.scale)
            first = first * load(linear.scale + panel * 32), second = second * load(linear.scale + panel * 32 + 16);
        if (biased)
            first = first + load(linear.bias + panel * 32), second = second + load(linear.bias + panel * 32 + 16);
        end(row, panel, first, second);
    }
};

// How the rows and panels of a product are cut into units.
struct Cut {
    int64_t rows, panels, row_units, panel_units;

    Cut(int64_t all_rows, int64_t all_panels, int64_t row_bytes, int64_t panel_bytes, int threads) {
        rows = std::max<int64_t>(32, ROWS_BYTES / row_bytes / 32 * 32);
        row_units = std::max<int64_t>(1, (all_rows + rows - 1) / rows);
        rows = ((all_rows + row_units - 1) / row_units + 31) / 32 * 32;
        row_units = (all_rows + rows - 1) / rows;
        panels = std::max<int64_t>(1, std::min(UNIT_BYTES / panel_bytes, all_panels / (4 * threads)));
        panel_units = (all_panels + panels - 1) / panels;
    }
};

// Panels [begin, stop) of a unit; `weights` begins with the piece of panel 0 that meets the rows' piece `piece`.
template <class T, class W, class End>
void multiply_panels(const W* weights, int64_t panel, int64_t pieces, const Rows<T>& from, int64_t piece, int64_t row,
                     int64_t last, int64_t begin, int64_t stop, const End& end, [[maybe_unused]] bool tiles) {
#ifdef NATIVE_AMX
    if constexpr (std::is_same<T, bf16>::value)
        if (tiles) {
            Squares<End> squares(end);
            const int64_t following = stop - begin > 1 ? panel : pieces * 1024;
            for (int64_t p = begin; p < stop; p++)
                multiply_tiles(squares, weights + p * panel, following, Part{from, piece, pieces, row, last, p});
            return;
        }
#endif
    for (int64_t p = begin; p < stop; p++)
        multiply_lanes<T>(weights + p * panel, pieces, from, piece, row, last, p, end);
}

// `end(row, panel, results, sixteen more)` for every row of `from` times `linear`; where `end` only adds what it is
// given
// (`SUMS`), it may be given sums of parts. All of the team take part; nobody waits.
template <bool SUMS, class T, class W, class End>
void multiply_as(Team& team, Team::Member& me, const Linear& linear, const Rows<T>& from, int64_t rows,
                 const End& end) {
    const int64_t panels = linear.panels(), pieces = linear.pieces(), panel = pieces * 1024;
    const bool tiles = has_tiles<T>();
    const int64_t slice = SUMS && tiles ? std::min(SLICE_PIECES, pieces) : pieces;
    const Cut cut(rows, panels, slice * 32 * int64_t(sizeof(T)), panel * int64_t(sizeof(W)), me.count);
    const W* weights = static_cast<const W*>(linear.weight);
    if (tiles) configure_tiles();
    team.share(me, cut.row_units * cut.panel_units, [&](int64_t unit) {
        const int64_t row = unit / cut.panel_units * cut.rows, last = std::min(rows, row + cut.rows);
        const int64_t begin = unit % cut.panel_units * cut.panels, stop = std::min(panels, begin + cut.panels);
        for (int64_t piece = 0; piece < pieces; piece += slice) {
            const int64_t many = std::min(slice, pieces - piece);
            const Finished<End> finished{linear, end, linear.bias && piece == 0};
            multiply_panels(weights + piece * 1024, panel, many, from, piece, row, last, begin, stop, finished, tiles);
        }
    });
}

template <bool SUMS = false, class T, class End>
void multiply(Team& team, Team::Member& me, const Linear& linear, const Rows<T>& from, int64_t rows, const End& end) {
    if (linear.format == INT8)
        multiply_as<SUMS, T, int8_t>(team, me, linear, from, rows, end);
    else
        multiply_as<SUMS, T, T>(team, me, linear, from, rows, end);
}
