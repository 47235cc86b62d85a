// What Python calls. Pointers are those of contiguous CPU tensors unless strides are given; nothing is kept.
#include <vector>
#include "forward.hpp"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {
thread_local Workspace workspace;
}

template <class T> static void attend(const AttentionCall& call) {
    thread_local Plan plan;
    thread_local std::vector<float> partial;
    plan.all({call.starts, call.lengths, call.sequences}, {call.heads, call.kv_heads, call.block_tokens}, call.threads);
    std::vector<std::atomic<int>> done(size_t(plan.parts) + 1);
    const int64_t columns = int64_t(call.heads) * call.head_dim;
    Attention<T> attention{
        static_cast<const T*>(call.query),
        call.query_token,
        call.query_head,
        Rows<T>::plain(static_cast<T*>(call.out), columns),
        {static_cast<T*>(call.keys), static_cast<T*>(call.values), call.kv_heads, call.block_tokens, call.head_dim},
        call.tables,
        call.table_stride,
        call.scale,
        call.softcap,
        call.window,
        call.sinks,
        std::min(call.heads / call.kv_heads, MOST_ROWS),
        done.data(),
        nullptr};
    partial.resize(size_t(plan.parts) * attention.part_size());
    attention.partial = partial.data();
    const std::vector<Unit>& units = plan.units;
    Team::run(call.threads, [&](Team& team, Team::Member& me) {
        team.share(me, int64_t(units.size()), [&](int64_t i) {
            attention(units[size_t(i)], i + 1 < int64_t(units.size()) ? &units[size_t(i + 1)] : nullptr, workspace);
        });
        release_tiles();
    });
}

template <class T> static void write(const WriteCall& call) {
    Cache<T> cache{static_cast<T*>(call.keys), static_cast<T*>(call.values), call.kv_heads, call.block_tokens,
                   call.head_dim};
    Team::run(call.tokens < 16 ? 1 : call.threads, [&](Team& team, Team::Member& me) {
        team.share(me, call.tokens, [&](int64_t t) {
            for (int head = 0; head < call.kv_heads; head++)
                cache.write(call.write_at[t], head,
                            static_cast<const T*>(call.key) + t * call.key_token + head * call.key_head,
                            static_cast<const T*>(call.value) + t * call.value_token + head * call.value_head);
        });
    });
}

// 0, or which number of the step is wrong: a token, a position, a slot of the cache or a block.
static int check(const ModelCall& model, const StepCall& step) {
    const int64_t slots = model.blocks * model.block_tokens;
    for (int64_t t = 0; t < step.count; t++) {
        if (step.tokens[t] < 0 || step.tokens[t] >= model.vocabulary) return 1;
        if (step.positions[t] < 0 || step.positions[t] >= model.positions) return 2;
        if (step.write_at[t] < 0 || step.write_at[t] >= slots) return 3;
    }
    for (int64_t s = 0; s < step.sequences; s++)
        for (int64_t block = 0; block * model.block_tokens < step.lengths[s]; block++) {
            const int32_t number = block < step.table_stride ? step.tables[s * step.table_stride + block] : -1;
            if (number < 0 || number >= model.blocks) return 4;
        }
    return 0;
}

template <class T> static int forward(const ModelCall& model, const StepCall& step) {
    thread_local Workspace space;
    thread_local Plan all, some;
    if (const int wrong = check(model, step)) return wrong;
    Forward<T> forward(model, step, space, all, some);
    Team::run(step.threads, [&](Team& team, Team::Member& me) { forward.run(team, me); });
    return 0;
}

// Prepare this process; returns 1 where matrix tiles are used.
EXPORT int native_start(const Runtime* found) {
    runtime = *found;
    return allow_amx() ? 1 : 0;
}
EXPORT void native_attend_float32(const AttentionCall* call) { attend<float>(*call); }
EXPORT void native_attend_bfloat16(const AttentionCall* call) { attend<bf16>(*call); }
EXPORT void native_write_float32(const WriteCall* call) { write<float>(*call); }
EXPORT void native_write_bfloat16(const WriteCall* call) { write<bf16>(*call); }
// Ask for large pages, which cost fewer look-ups; whether there are any is the system's affair.
EXPORT void native_advise(void* memory, int64_t bytes) { advise_large_pages(memory, size_t(bytes)); }
EXPORT int native_forward_float32(const ModelCall* model, const StepCall* step) {
    return forward<float>(*model, *step);
}
EXPORT int native_forward_bfloat16(const ModelCall* model, const StepCall* step) {
    return forward<bf16>(*model, *step);
}
