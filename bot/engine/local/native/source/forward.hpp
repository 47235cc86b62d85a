// A step of a whole model of the Llama family: norm, attention with rotary positions, norm, gated product, layer by
// layer.
#pragma once
#include <cmath>
#include <type_traits>
#include "calls.hpp"
#include "plan.hpp"

INLINE int64_t padded32(int64_t n) { return (n + 31) / 32 * 32; }

template <class T> class Forward {
    using Member = Team::Member;
    const ModelCall& model_;
    const StepCall& step_;
    int64_t hidden_, query_, joined_, between_;  // columns, filled up to whole pieces
    float* stream_;                              // [count][hidden]: the residual stream
    float* kept_;                                // [sampled][hidden]: of the rows that get a token
    float* mixed_;                               // [count][joined]: queries, keys and values before rotation
    T* rotated_;                                 // [count][query]
    T* normed_;
    T* attended_;
    T* gated_;
    Plan& all_;
    Plan& some_;
    std::atomic<int>* done_;
    float* partial_;

  public:
    Forward(const ModelCall& model, const StepCall& step, Workspace& space, Plan& all, Plan& some)
        : model_(model), step_(step), all_(all), some_(some) {
        hidden_ = padded32(model.hidden), query_ = padded32(int64_t(model.heads) * model.head_dim);
        joined_ = padded32(int64_t(model.heads + 2 * model.kv_heads) * model.head_dim),
        between_ = padded32(model.intermediate);
        plan();
        const size_t count = size_t(step.count), parts = size_t(std::max(all.parts, some.parts));
        const size_t tiled = (count + 15) / 16 * 16 + 16;
        const size_t part = attention(model.layers[0], false).part_size();
        const size_t numbers = count * size_t(hidden_ * 2 + joined_) + parts * part;
        const size_t narrow = count * size_t(query_) + tiled * size_t(hidden_ + query_ + between_);
        space.reset(numbers * sizeof(float) + narrow * sizeof(T) + (parts + 1) * sizeof(int) + 1024);
        stream_ = space.take<float>(count * size_t(hidden_));
        kept_ = space.take<float>(count * size_t(hidden_));
        mixed_ = space.take<float>(count * size_t(joined_));
        rotated_ = space.take<T>(count * size_t(query_));
        normed_ = space.take<T>(tiled * size_t(hidden_));
        attended_ = space.take<T>(tiled * size_t(query_));
        gated_ = space.take<T>(tiled * size_t(between_));
        partial_ = space.take<float>(parts * part);
        done_ = space.take<std::atomic<int>>(parts + 1);
        for (size_t i = 0; i <= parts; i++) new (done_ + i) std::atomic<int>(0);
    }

    void run(Team& team, Member& me) {
        embed(team, me);
        for (int depth = 0; depth < model_.depth; depth++) {
            const LayerCall& layer = model_.layers[depth];
            const bool last = depth + 1 == model_.depth;
            norm(team, me, layer.attention_norm, stream_, step_.count);
            mix(team, me, layer);
            place(team, me, layer);
            if (last && !step_.sampled) break;  // nothing but keys and values was wanted
            attend(team, me, layer, last);
            const int64_t rows = last ? step_.sampled : step_.count;
            float* stream = last ? kept_ : stream_;
            add(team, me, layer.output, layout(attended_, query_, rows), stream, rows);
            norm(team, me, layer.product_norm, stream, rows);
            gate(team, me, layer, rows);
            add(team, me, layer.down, layout(gated_, between_, rows), stream, rows);
        }
        if (step_.sampled) speak(team, me);
        release_tiles();
    }

  private:
    void plan() {
        const Sequences of{step_.starts, step_.lengths, step_.sequences};
        Heads shape{model_.heads, model_.kv_heads, model_.block_tokens};
        all_.all(of, shape, step_.threads);
        some_.some(of, shape, step_.threads, step_.rows, step_.sampled);
    }

    // What a product reads: tiles want groups of sixteen rows and pieces of 32 columns.
    Rows<T> layout(T* base, int64_t columns, int64_t rows) const {
        if (std::is_same<T, float>::value) return Rows<T>::plain(base, columns);
        return {base, int(std::min<int64_t>(16, rows)), 32, columns};
    }

    Attention<T> attention(const LayerCall& layer, bool last) const {
        return {rotated_,
                query_,
                model_.head_dim,
                layout(attended_, query_, last ? step_.sampled : step_.count),
                {static_cast<T*>(layer.keys), static_cast<T*>(layer.values), model_.kv_heads, model_.block_tokens,
                 model_.head_dim},
                step_.tables,
                step_.table_stride,
                layer.scale,
                0.0f,
                layer.window,
                nullptr,
                std::min(model_.heads / model_.kv_heads, MOST_ROWS),
                done_,
                partial_};
    }

    void embed(Team& team, Member& me) const {
        team.share(me, step_.count, [&](int64_t t) {
            const T* from = static_cast<const T*>(model_.embedding) + step_.tokens[t] * model_.hidden;
            for (int d = 0; d < model_.hidden; d += LANES)
                store_part(stream_ + t * hidden_ + d, load_part(from + d, model_.hidden - d), model_.hidden - d);
        });
        team.finish(me);
    }

    // Root mean square of `count` numbers, inverted.
    float measure(const float* numbers, int count) const {
        floats total = {};
        for (int d = 0; d < count; d += LANES) {
            floats part = load_part(numbers + d, count - d);
            total += part * part;
        }
        return 1.0f / std::sqrt(sum(total) / float(count) + model_.epsilon);
    }

    void norm(Team& team, Member& me, const float* weight, const float* stream, int64_t rows) const {
        const Rows<T> to = layout(normed_, hidden_, rows);
        team.share(me, rows, [&](int64_t t) {
            const float* from = stream + t * hidden_;
            const float factor = measure(from, model_.hidden);
            for (int64_t d = 0; d < hidden_; d += LANES) {
                const int left = int(std::max<int64_t>(0, model_.hidden - d));
                store(to.at(t, d), load_part(from + d, left) * factor * load_part(weight + d, left));
            }
        });
        team.finish(me);
    }

    void mix(Team& team, Member& me, const LayerCall& layer) const {
        multiply(team, me, layer.query_key_value, layout(normed_, hidden_, step_.count), step_.count,
                 [&](int64_t row, int64_t panel, floats first, floats second) {
                     store(mixed_ + row * joined_ + panel * 32, first);
                     store(mixed_ + row * joined_ + panel * 32 + 16, second);
                 });
        team.finish(me);
    }

    // Turn a head's numbers by its position, after their norm where there is one; in place.
    void rotate(float* head, const float* norm, const float* cosine, const float* sine) const {
        const int half = model_.head_dim / 2;
        if (norm) {
            const float factor = measure(head, model_.head_dim);
            for (int d = 0; d < model_.head_dim; d++) head[d] = head[d] * factor * norm[d];
        }
        for (int d = 0; d < half; d++) {
            const float first = head[d], second = head[d + half];
            head[d] = first * cosine[d] - second * sine[d];
            head[d + half] = second * cosine[d] + first * sine[d];
        }
    }

    void place(Team& team, Member& me, const LayerCall& layer) const {
        const int dim = model_.head_dim, group = model_.heads / model_.kv_heads;
        const Cache<T> cache = attention(layer, false).cache;
        team.share(me, step_.count * model_.kv_heads, [&](int64_t unit) {
            const int64_t t = unit / model_.kv_heads, kv = unit % model_.kv_heads;
            const int64_t next = unit + 2;
            if (next < step_.count * model_.kv_heads)
                cache.expect_write(step_.write_at[next / model_.kv_heads], int(next % model_.kv_heads));
            const float* cosine = model_.cosines + step_.positions[t] * (dim / 2);
            const float* sine = model_.sines + step_.positions[t] * (dim / 2);
            float* row = mixed_ + t * joined_;
            for (int64_t head = kv * group; head < (kv + 1) * group; head++) {
                rotate(row + head * dim, layer.query_norm, cosine, sine);
                T* to = rotated_ + t * query_ + head * dim;
                for (int d = 0; d < dim; d += LANES)
                    store_part(to + d, load_part(row + head * dim + d, dim - d), dim - d);
            }
            float* key = row + (model_.heads + kv) * dim;
            rotate(key, layer.key_norm, cosine, sine);
            cache.write(step_.write_at[t], int(kv), key, row + (model_.heads + model_.kv_heads + kv) * dim);
        });
        team.finish(me);
    }

    void attend(Team& team, Member& me, const LayerCall& layer, bool last) const {
        thread_local Workspace space;
        const Attention<T> attention = this->attention(layer, last);
        const std::vector<Unit>& units = (last ? some_ : all_).units;
        team.share(me, int64_t(units.size()), [&](int64_t i) {
            attention(units[size_t(i)], i + 1 < int64_t(units.size()) ? &units[size_t(i + 1)] : nullptr, space);
        });
        // Columns that only fill the last piece have no weight, but must be numbers.
        const int64_t width = int64_t(model_.heads) * model_.head_dim, rows = last ? step_.sampled : step_.count;
        if (me.id == 0 && width < query_)
            for (int64_t row = 0; row < rows; row++)
                for (int64_t column = width; column < query_; column++) *attention.out.at(row, column) = T{};
        if (last && me.id == 0)
            for (int64_t i = 0; i < step_.sampled; i++)
                std::memcpy(kept_ + i * hidden_, stream_ + step_.rows[i] * hidden_, sizeof(float) * size_t(hidden_));
        team.finish(me);
    }

    void add(Team& team, Member& me, const Linear& linear, const Rows<T>& from, float* stream, int64_t rows) const {
        multiply<true>(team, me, linear, from, rows, [&](int64_t row, int64_t panel, floats first, floats second) {
            float* to = stream + row * hidden_ + panel * 32;
            store(to, load(to) + first);
            store(to + 16, load(to + 16) + second);
        });
        team.finish(me);
    }

    // Panels hold sixteen of the gate and sixteen of what passes it.
    void gate(Team& team, Member& me, const LayerCall& layer, int64_t rows) const {
        const Rows<T> to = layout(gated_, between_, rows);
        multiply(team, me, layer.gate_up, layout(normed_, hidden_, rows), rows,
                 [&](int64_t row, int64_t panel, floats first, floats second) {
                     store(to.at(row, panel * 16), silu(first) * second);
                 });
        team.finish(me);
    }

    void speak(Team& team, Member& me) const {
        norm(team, me, model_.final_norm, kept_, step_.sampled);
        multiply(team, me, model_.head, layout(normed_, hidden_, step_.sampled), step_.sampled,
                 [&](int64_t row, int64_t panel, floats first, floats second) {
                     float* to = step_.logits + row * model_.vocabulary + panel * 32;
                     const int left = int(std::min<int64_t>(32, model_.vocabulary - panel * 32));
                     store_part(to, first, left);
                     if (left > 16) store_part(to + 16, second, left - 16);
                 });
        team.finish(me);
    }
};
