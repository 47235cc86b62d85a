// Attention over the paged cache: one unit is a few queries that share one head's keys and values.
#pragma once
#include <algorithm>
#include <atomic>
#include "attention_tiles.hpp"
#include "cache.hpp"
#include "rows.hpp"
#include "workspace.hpp"

constexpr int MOST_ROWS = 32;  // of scores in a unit
constexpr float NOTHING = -1e30f;

// Queries `query` … of `tokens` tokens and of heads [`head`, `head` + `heads`), which read keys [`begin`, `end`) of
// head `kv_head`. The first token is at `position` of its sequence. A long decode is cut into `parts`.
struct Unit {
    int sequence, kv_head, head, heads, query, out, tokens, position, begin, end, part, parts, group;
};

template <class T> struct Attention {
    static constexpr int P = Pack<T>::together;
    const T* query;
    int64_t query_token, query_head;  // strides
    Rows<T> out;
    Cache<T> cache;
    const int32_t* tables;
    int64_t table_stride;
    float scale, softcap;
    int window;
    const float* sinks;
    // Of units in parts: for each group a count of those done, for each part `part_size()` numbers.
    int part_rows;
    std::atomic<int>* done;
    float* partial;

    // Keys that are scored before their weights are used: few enough for the caches. The same for every unit, so that
    // a token's numbers do not depend on who else is in the step.
    int chunk() const { return cache.block_tokens * std::max(1, 512 / cache.block_tokens); }
    int padded() const { return (cache.head_dim + LANES - 1) / LANES * LANES; }
    size_t part_size() const { return size_t(part_rows) * size_t(padded() + 2); }

    // Computes `unit`; `next`, if any, is what this thread will be given next.
    void operator()(const Unit& unit, const Unit* next, Workspace& space) const {
        const int rows = unit.tokens * unit.heads, keys = chunk(), width = padded();
        const size_t all = size_t(MOST_ROWS) * size_t(width);
        const size_t scored = size_t(rows > 8 ? MOST_ROWS : 16) * size_t(keys);  // matrix tiles may touch sixteen rows
        space.reset(all * 8 + scored * 8 + size_t(width) * 128 + 4096);
        Work<T> work{};
        work.rows = rows, work.keys = keys, work.width = width;
        work.query = space.take<T>(all), work.sums = space.take<float>(all);
        work.scores = space.take<float>(scored), work.weights = space.take<T>(scored);
        work.greatest = space.take<float>(MOST_ROWS), work.total = space.take<float>(MOST_ROWS);
        work.spare = space.take<T>(size_t(width) * 32);
        if (next && next->tokens == 1) work.ahead = expect(*next, unit);
        gather(unit, work);
        const int32_t* table = tables + unit.sequence * table_stride;
        const bool tiles = fits_tiles(cache, rows);
        if (tiles) configure_tiles(std::min(16, rows));
        for (int from = first_seen(unit); from < unit.end; from += keys) {
            int count = std::min(unit.end - from, keys);
            const int32_t* blocks = table + from / cache.block_tokens;
            tiles ? score_tiles(cache, unit.kv_head, blocks, count, work)
                  : score_lanes(cache, unit.kv_head, blocks, count, work);
            for (int row = 0; row < rows; row++) weigh(unit, row, from, count, work);
            tiles ? add_value_tiles(cache, unit.kv_head, blocks, count, work)
                  : add_value_lanes(cache, unit.kv_head, blocks, count, work);
        }
        unit.parts > 1 ? keep(unit, work) : finish(unit, work);
    }

  private:
    // Blocks are asked for while scores, weights and sums of this unit are computed.
    Ahead expect(const Unit& next, const Unit& unit) const {
        const int begin = first_seen(next), times = (unit.end - first_seen(unit)) / 32 * 3 - 1;
        return {cache, next.kv_head, tables + next.sequence * table_stride + begin / cache.block_tokens,
                std::max(0, next.end - begin), times};
    }

    // The first key that is read: that of a window, or of a part.
    int first_seen(const Unit& unit) const {
        const int seen =
            window > 0 ? std::max(0, unit.position - window + 1) / cache.block_tokens * cache.block_tokens : 0;
        return std::max(seen, unit.begin);
    }

    void gather(const Unit& unit, Work<T>& work) const {
        for (int row = 0; row < work.rows; row++) {
            const T* from =
                query + (unit.query + row / unit.heads) * query_token + (unit.head + row % unit.heads) * query_head;
            std::memcpy(work.query + row * work.width, from, sizeof(T) * size_t(cache.head_dim));
            for (int d = 0; d < work.width; d += LANES) store(work.sums + row * work.width + d, floats{});
            work.greatest[row] = NOTHING;
            work.total[row] = 0.0f;
        }
    }

    // Scores into weights e^(score - greatest so far), and what was summed before into the same measure.
    void weigh(const Unit& unit, int row, int from, int count, Work<T>& work) const {
        const int position = unit.position + row / unit.heads;
        const int last = position - from, first = window > 0 ? last - window + 1 : 0;
        float* scores = work.scores + row * work.keys;
        T* weights = work.weights + row * work.keys;
        const ints lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        const int limit = std::min(last + 1, count), until = std::min((count + 31) / 32 * 32, work.keys);
        floats most = splat(NOTHING);
        for (int k = 0; k < limit; k += LANES) {
            floats score = load(scores + k) * scale;
            if (softcap > 0) score = hyperbolic_tangent(score * (1.0f / softcap)) * softcap;
            if (k + LANES > limit || k < first) {
                ints place = lanes + k;
                ints seen = (place < limit) & (place >= first);
                score = seen ? score : splat(-__builtin_inff());
            }
            store(scores + k, score);
            most = larger(most, score);
        }
        const float before = work.greatest[row], now = std::max(before, largest(most));
        floats total = floats{};
        int k = 0;
        for (; k < limit; k += LANES) {
            if (row == 0 && k % 32 == 0) work.ahead.some();
            floats weight = exponential(load(scores + k) - now);
            total += weight;
            store(weights + k, weight);
        }
        for (; k < until; k += LANES) store(weights + k, floats{});
        const float kept = now == before ? 1.0f : exponential(splat(before - now))[0];
        work.total[row] = work.total[row] * kept + sum(total);
        work.greatest[row] = now;
        if (kept != 1.0f)
            for (int d = 0; d < work.width; d += LANES) {
                float* to = work.sums + row * work.width + d;
                store(to, load(to) * kept);
            }
    }

    void finish(const Unit& unit, const Work<T>& work) const {
        for (int row = 0; row < work.rows; row++) {
            const int head = unit.head + row % unit.heads;
            float total = work.total[row], factor = 1.0f;
            if (sinks) {
                const float greatest = std::max(work.greatest[row], sinks[head]);
                floats both = exponential(floats{work.greatest[row] - greatest, sinks[head] - greatest});
                factor = both[0];
                total = total * factor + both[1];
            }
            factor /= total;
            put(unit.out + row / unit.heads, int64_t(head) * cache.head_dim, work.sums + row * work.width, factor);
        }
    }

    // A head's numbers; they may begin in the middle of a piece of the rows and go on in the next one.
    void put(int64_t row, int64_t column, const float* from, float factor) const {
        const bool whole = cache.head_dim % LANES == 0 || out.height == 1;
        for (int d = 0; whole && d < cache.head_dim; d += LANES)
            store_part(out.at(row, column + d), load(from + d) * factor, cache.head_dim - d);
        for (int d = 0; !whole && d < cache.head_dim; d++) *out.at(row, column + d) = narrow<T>(from[d] * factor);
    }

    // Leave this part's sums; whoever is last adds all of them up, in their order.
    void keep(const Unit& unit, Work<T>& work) const {
        float* mine = partial + size_t(unit.group + unit.part) * part_size();
        std::memcpy(mine, work.greatest, sizeof(float) * size_t(work.rows));
        std::memcpy(mine + part_rows, work.total, sizeof(float) * size_t(work.rows));
        std::memcpy(mine + 2 * part_rows, work.sums, sizeof(float) * size_t(work.rows) * size_t(work.width));
        if (done[unit.group].fetch_add(1, std::memory_order_acq_rel) + 1 < unit.parts) return;
        done[unit.group].store(0, std::memory_order_relaxed);
        for (int row = 0; row < work.rows; row++) {
            work.greatest[row] = NOTHING, work.total[row] = 0.0f;
            for (int d = 0; d < work.width; d += LANES) store(work.sums + row * work.width + d, floats{});
        }
        for (int part = 0; part < unit.parts; part++) join(partial + size_t(unit.group + part) * part_size(), work);
        finish(unit, work);
    }

    void join(const float* part, Work<T>& work) const {
        for (int row = 0; row < work.rows; row++) {
            const float greatest = std::max(work.greatest[row], part[row]);
            floats both = exponential(floats{work.greatest[row] - greatest, part[row] - greatest});
            work.total[row] = work.total[row] * both[0] + part[part_rows + row] * both[1];
            work.greatest[row] = greatest;
            const float* sums = part + 2 * part_rows + row * work.width;
            for (int d = 0; d < work.width; d += LANES) {
                float* to = work.sums + row * work.width + d;
                store(to, load(to) * both[0] + load(sums + d) * both[1]);
            }
        }
    }
};
