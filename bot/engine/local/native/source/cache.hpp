// The paged cache of one layer: [blocks, kv_heads, block_tokens, head_dim] numbers of T.
//
// Inside a block the numbers stand in the order in which attention reads them: keys as [block_tokens / 16][head_dim /
// P] [16][P], so that sixteen lanes are the scores of sixteen keys, and values as [block_tokens / P][head_dim][P], so
// that they are sixteen numbers of a value; P is `Pack<T>::together`. Both are also what matrix tiles (AMX) want.
// Whoever reads a block has to be of this library, or to convert it.
#pragma once
#include "vector.hpp"

template <class T> struct Cache {
    static constexpr int P = Pack<T>::together;
    T* keys;
    T* values;
    int kv_heads, block_tokens, head_dim;

    INLINE size_t block(int64_t number, int head) const {
        return (size_t(number) * size_t(kv_heads) + size_t(head)) * size_t(block_tokens) * size_t(head_dim);
    }

    // Ask for the memory that a write will touch: a key's numbers lie a line apart.
    INLINE void expect_write(int64_t slot, int head) const {
        const size_t base = block(slot / block_tokens, head), place = size_t(slot % block_tokens);
        const T* to = keys + base + place / LANES * LANES * size_t(head_dim);
        for (int d = 0; d < head_dim; d += P) __builtin_prefetch(to + d * LANES, 1);
        to = values + base + (place / P) * size_t(head_dim) * P;
        for (int d = 0; d < head_dim; d += LANES) __builtin_prefetch(to + d * P, 1);
    }

    // Put the key and the value of one token and head at `slot` = block * block_tokens + place.
    template <class From> void write(int64_t slot, int head, const From* key, const From* value) const {
        size_t base = block(slot / block_tokens, head), place = size_t(slot % block_tokens);
        T* to = keys + base + place / LANES * LANES * size_t(head_dim) + place % LANES * P;
        for (int d = 0; d < head_dim; d += P, to += LANES * P)
            for (int i = 0; i < P; i++) to[i] = convert(key[d + i]);
        to = values + base + (place / P) * size_t(head_dim) * P + place % P;
        for (int d = 0; d < head_dim; d++) to[d * P] = convert(value[d]);
    }

  private:
    static INLINE T convert(float value) { return narrow<T>(value); }
    static INLINE bf16 convert(bf16 value) { return value; }
};
