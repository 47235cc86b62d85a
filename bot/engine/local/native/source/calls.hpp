// What Python hands over, as library.py describes it. Pointers are those of CPU tensors; nothing of them is kept.
#pragma once
#include "linear.hpp"

struct AttentionCall {
    const void* query;
    void* out;
    void* keys;
    void* values;
    const int32_t* starts;
    const int32_t* lengths;
    const int32_t* tables;
    const float* sinks;
    int64_t query_token, query_head, sequences, table_stride;
    int32_t heads, kv_heads, head_dim, block_tokens, window, threads;
    float scale, softcap;
};

struct WriteCall {
    const void* key;
    const void* value;
    void* keys;
    void* values;
    const int64_t* write_at;
    int64_t tokens, key_token, key_head, value_token, value_head;
    int32_t kv_heads, head_dim, block_tokens, threads;
};

struct LayerCall {
    Linear query_key_value, output, gate_up, down;
    const float* attention_norm;
    const float* product_norm;
    const float* query_norm;  // of a head's numbers, or null
    const float* key_norm;
    void* keys;
    void* values;
    float scale;
    int32_t window;
};

struct ModelCall {
    const LayerCall* layers;
    const void* embedding;  // [vocabulary, hidden]
    const float* final_norm;
    const float* cosines;  // [positions, head_dim / 2]
    const float* sines;
    Linear head;
    int64_t positions, blocks;
    int32_t depth, hidden, heads, kv_heads, head_dim, intermediate, vocabulary, block_tokens;
    float epsilon;
};

struct StepCall {
    const int64_t* tokens;
    const int64_t* positions;
    const int64_t* write_at;
    const int32_t* starts;
    const int32_t* lengths;
    const int32_t* tables;
    const int64_t* rows;
    float* logits;  // [rows, vocabulary]
    int64_t count, sequences, sampled, table_stride;
    int32_t threads;
};
