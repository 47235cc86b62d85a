// Products with matrix tiles: bfloat16 activations, whose rows stand in groups of up to sixteen and pieces of 32.
#pragma once
#include <algorithm>
#include "amx.hpp"
#include "linear_lanes.hpp"
#include "workspace.hpp"

template <class T> bool has_tiles() { return false; }

#ifdef NATIVE_AMX
template <> inline bool has_tiles<bf16>() { return amx_allowed; }

// A panel of bfloat16 weights: as it stands, or its whole numbers widened into memory of this thread.
INLINE const bf16* widened(const bf16* weights, int64_t) { return weights; }
inline const bf16* widened(const int8_t* weights, int64_t pieces) {
    thread_local Workspace space;
    space.reset(size_t(pieces) * 1024 * sizeof(bf16));
    bf16* to = space.take<bf16>(size_t(pieces) * 1024);
    for (int64_t i = 0; i < pieces * 1024; i += 32) {
        if (i % 64 == 0) __builtin_prefetch(weights + i + 2 * AHEAD_BYTES);
        words lanes = Lanes<bf16>::take(weights + i);
        std::memcpy(to + i, &lanes, sizeof lanes);
    }
    return to;
}

// One thread's products. Results of a square of 32 x 32 are finished while the tiles work on the next one.
template <class End> class Squares {
    const End& end_;
    alignas(64) float results_[2][32 * 32];
    int64_t row_ = 0, panel_ = 0, done_ = 0, many_ = 0;
    int turn_ = 0;

  public:
    explicit Squares(const End& end) : end_(end) {}
    Squares(const Squares&) = delete;
    ~Squares() { finish(many_); }

    // 16 or 32 rows (`BOTH`), from `row` on, of which `many` count, times a panel. In each piece `ahead` bytes are
    // asked for.
    template <bool BOTH>
    INLINE void multiply(const bf16* first, const bf16* second, int64_t stride, const bf16* weights, int64_t pieces,
                         const char* next, int64_t ahead, int64_t row, int64_t many, int64_t panel) {
        const int64_t share = (many_ + pieces - 1) / pieces;
        _tile_zero(0);
        _tile_zero(1);
        if (BOTH) {
            _tile_zero(2);
            _tile_zero(3);
        }
        for (int64_t piece = 0; piece < pieces;
             piece++, weights += 1024, first += stride, second += stride, next += ahead) {
            _tile_stream_loadd(4, first, 64);  // rows come by once in this panel, and leave its weights in the cache
            _tile_loadd(6, weights, 64);
            for (int64_t line = 0; line < ahead; line += 64) __builtin_prefetch(next + line, 0, 2);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, weights + 512, 64);
            _tile_dpbf16ps(1, 4, 7);
            if (BOTH) {
                _tile_stream_loadd(5, second, 64);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            finish(share);
        }
        finish(many_);
        float* to = results_[turn_ ^= 1];
        _tile_stored(0, to, 128);
        _tile_stored(1, to + 16, 128);
        if (BOTH) {
            _tile_stored(2, to + 512, 128);
            _tile_stored(3, to + 528, 128);
        }
        row_ = row, many_ = many, panel_ = panel, done_ = 0;
    }

  private:
    INLINE void finish(int64_t rows) {
        const float* from = results_[turn_];
        for (const int64_t until = std::min(many_, done_ + rows); done_ < until; done_++)
            end_(row_ + done_, panel_, load(from + done_ * 32), load(from + done_ * 32 + 16));
    }
};

// Rows [row, last) times `pieces` of a panel (the one after it is `following` numbers further), of which the first
// reads the rows' piece `from_piece`.
template <class W, class End>
void multiply_tiles(Squares<End>& squares, const W* packed, int64_t following, int64_t pieces, const Rows<bf16>& from,
                    int64_t from_piece, int64_t row, int64_t last, int64_t panel) {
    const bf16* weights = widened(packed, pieces);
    const int64_t many = (last - row + 31) / 32, stride = int64_t(from.height) * 32;
    // The next panel is read from memory while this one's rows are worked on.
    const int64_t ahead = std::is_same<W, bf16>::value ? std::max<int64_t>(64, 2048 / many / 64 * 64) : 0;
    const char* next = reinterpret_cast<const char*>(weights + (many == 1 ? AHEAD_BYTES / 2 : following));
    written();
    for (; row < last; row += 32, next += ahead * pieces) {
        const bf16* first = from.at(row, from_piece * 32);
        if (row + 16 < last)
            squares.template multiply<true>(first, from.at(row + 16, from_piece * 32), stride, weights, pieces, next,
                                            ahead, row, std::min<int64_t>(32, last - row), panel);
        else
            squares.template multiply<false>(first, first, stride, weights, pieces, next, ahead, row, last - row,
                                             panel);
    }
}
#endif
