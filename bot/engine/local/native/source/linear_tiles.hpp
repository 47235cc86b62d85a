// Products with matrix tiles: bfloat16 activations, whose rows stand in groups of up to sixteen and pieces of 32.
#pragma once
#include <algorithm>
#include "amx.hpp"
#include "widen.hpp"
#include "workspace.hpp"

template <class T> bool has_tiles() { return false; }

#ifdef NATIVE_AMX
template <> inline bool has_tiles<bf16>() { return amx_allowed; }

// The pieces of a panel, one after the other, where they stand.
struct Standing {
    const bf16* weights;
    INLINE const bf16* operator()(int64_t piece) { return weights + piece * 1024; }
};

// The same from whole numbers, widened a little ahead of their use into `to`, where there is room for all or for four.
struct Widening {
    static constexpr int64_t EARLY = 2;
    const int8_t* packed;
    bf16* to;
    int64_t pieces, mask;

    Widening(const int8_t* packed, bf16* to, int64_t pieces, bool all)
        : packed(packed), to(to), pieces(pieces), mask(all ? -1 : 3) {
        for (int64_t piece = 0; piece < std::min(EARLY, pieces); piece++) widen_piece(packed + piece * 1024, at(piece));
    }
    INLINE bf16* at(int64_t piece) const { return to + (piece & mask) * 1024; }
    INLINE const bf16* operator()(int64_t piece) {
        const int8_t* now = packed + piece * 1024;
        for (int64_t byte = 0; byte < 1024; byte += 64) __builtin_prefetch(now + AHEAD_BYTES + byte);
        if (piece + EARLY < pieces) widen_piece(now + EARLY * 1024, at(piece + EARLY));
        written();
        return at(piece);
    }
};

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
    template <bool BOTH, class Pieces>
    INLINE void multiply(const bf16* first, const bf16* second, int64_t stride, Pieces& panel_pieces, int64_t pieces,
                         const char* next, int64_t ahead, int64_t row, int64_t many, int64_t panel) {
        const int64_t share = (many_ + pieces - 1) / pieces;
        _tile_zero(0);
        _tile_zero(1);
        if (BOTH) {
            _tile_zero(2);
            _tile_zero(3);
        }
        for (int64_t piece = 0; piece < pieces; piece++, first += stride, second += stride, next += ahead) {
            const bf16* weights = panel_pieces(piece);
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

// Rows of a step in groups, and which of them meet which pieces of a panel.
struct Part {
    const Rows<bf16>& from;
    int64_t from_piece, pieces, row, last, panel;
};

// Up to 32 rows of a part, from `row` on.
template <class Pieces, class End>
void multiply_square(Squares<End>& squares, const Part& part, int64_t row, Pieces pieces, const char* next,
                     int64_t ahead) {
    const bf16* first = part.from.at(row, part.from_piece * 32);
    const int64_t stride = int64_t(part.from.height) * 32, many = std::min<int64_t>(32, part.last - row);
    if (many > 16)
        squares.template multiply<true>(first, part.from.at(row + 16, part.from_piece * 32), stride, pieces,
                                        part.pieces, next, ahead, row, many, part.panel);
    else
        squares.template multiply<false>(first, first, stride, pieces, part.pieces, next, ahead, row, many, part.panel);
}

// A part times bfloat16 weights. The panel that is read next, `following` numbers further, is asked for meanwhile.
template <class End>
void multiply_tiles(Squares<End>& squares, const bf16* weights, int64_t following, const Part& part) {
    const int64_t many = (part.last - part.row + 31) / 32;
    const int64_t ahead = std::max<int64_t>(64, 2048 / many / 64 * 64);
    const char* next = reinterpret_cast<const char*>(weights + (many == 1 ? AHEAD_BYTES / 2 : following));
    written();
    for (int64_t row = part.row; row < part.last; row += 32, next += ahead * part.pieces)
        multiply_square(squares, part, row, Standing{weights}, next, ahead);
}

// A part times whole numbers: widened once, kept where more rows follow.
template <class End> void multiply_tiles(Squares<End>& squares, const int8_t* packed, int64_t, const Part& part) {
    thread_local Workspace space;
    const bool all = part.last - part.row > 32;
    const size_t room = size_t(all ? part.pieces : 4) * 1024;
    space.reset(room * sizeof(bf16) + 64);
    bf16* widened = space.take<bf16>(room);
    multiply_square(squares, part, part.row, Widening(packed, widened, part.pieces, all), nullptr, 0);
    for (int64_t row = part.row + 32; row < part.last; row += 32)
        multiply_square(squares, part, row, Standing{widened}, nullptr, 0);
}
#endif
