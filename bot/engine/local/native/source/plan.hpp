// Which units of attention a step has, in an order that keeps all threads busy to the end.
#pragma once
#include <algorithm>
#include <vector>
#include "attention.hpp"

constexpr int PART_TOKENS = 1024;  // of a long decode, for one thread at a time

// A step's sequences, as `Batch` has them, and the shape of the heads.
struct Sequences {
    const int32_t* starts;
    const int32_t* lengths;
    int64_t count;
};
struct Heads {
    int heads, kv_heads, block_tokens;
};

class Plan {
    struct Cost {
        int64_t cost;
        int unit;
    };
    std::vector<Unit> found_;

  public:
    std::vector<Unit> units;
    int parts = 0;  // places needed for units that are cut

    // All tokens of all sequences; results go where the query came from.
    void all(const Sequences& of, const Heads& shape, int threads) {
        clear();
        for (int64_t s = 0; s < of.count; s++) {
            const int tokens = of.starts[s + 1] - of.starts[s];
            add(shape, int(s), of.starts[s], of.starts[s], tokens, of.lengths[s] - tokens);
        }
        spread(threads);
    }

    // Only the tokens `rows` (ascending within a sequence or not); the i-th result goes to row i.
    void some(const Sequences& of, const Heads& shape, int threads, const int64_t* rows, int64_t count) {
        clear();
        for (int64_t i = 0; i < count; i++) {
            const int32_t* after = std::upper_bound(of.starts, of.starts + of.count + 1, int32_t(rows[i]));
            const int64_t s = after - of.starts - 1;
            add(shape, int(s), int(rows[i]), int(i), 1, of.lengths[s] - of.starts[s + 1] + int(rows[i]));
        }
        spread(threads);
    }

  private:
    void clear() {
        found_.clear();
        units.clear();
        parts = 0;
    }

    void add(const Heads& shape, int sequence, int query, int out, int tokens, int position) {
        const int group = shape.heads / shape.kv_heads, together = std::min(group, MOST_ROWS);
        const int step = tokens == 1 ? 1 : std::max(1, MOST_ROWS / together);
        for (int kv = 0; kv < shape.kv_heads; kv++)
            for (int head = kv * group; head < (kv + 1) * group; head += together)
                for (int t = 0; t < tokens; t += step) {
                    Unit unit{};
                    unit.sequence = sequence, unit.kv_head = kv, unit.head = head;
                    unit.heads = std::min(together, (kv + 1) * group - head);
                    unit.query = query + t, unit.out = out + t, unit.tokens = std::min(step, tokens - t);
                    unit.position = position + t;
                    unit.begin = 0;
                    unit.end = unit.position + unit.tokens;
                    cut(unit, shape.block_tokens);
                }
    }

    // A long decode is cut at the same places whoever else is in the step: its result does not depend on them.
    void cut(Unit unit, int block_tokens) {
        const int end = unit.end, piece = std::max(1, PART_TOKENS / block_tokens) * block_tokens;
        unit.parts = unit.tokens > 1 ? 1 : (end + piece - 1) / piece;
        unit.group = parts;
        for (unit.part = 0; unit.part < unit.parts; unit.part++, unit.begin += piece) {
            unit.end = unit.parts == 1 ? end : std::min(end, unit.begin + piece);
            found_.push_back(unit);
        }
        if (unit.parts > 1) parts += unit.parts;
    }

    // Dear ones first, dealt like cards: a thread's share of `units` is contiguous.
    void spread(int threads) {
        std::vector<Cost> order;
        order.reserve(found_.size());
        for (size_t i = 0; i < found_.size(); i++)
            order.push_back({int64_t(found_[i].end - found_[i].begin) * found_[i].tokens, int(i)});
        std::stable_sort(order.begin(), order.end(), [](const Cost& a, const Cost& b) { return a.cost > b.cost; });
        units.reserve(found_.size());
        for (int thread = 0; thread < threads; thread++)
            for (size_t i = size_t(thread); i < order.size(); i += size_t(threads))
                units.push_back(found_[size_t(order[i].unit)]);
    }
};
