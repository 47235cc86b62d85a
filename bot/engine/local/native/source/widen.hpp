// Whole numbers of one byte into bfloat16, which holds them exactly.
#pragma once
#include "linear_lanes.hpp"

#if defined(__AVX512VBMI__) && defined(__AVX512BW__)
// Both bytes of the numbers 0 to 127 in bfloat16, to be looked up.
struct Halves {
    alignas(64) uint8_t low[128];
    alignas(64) uint8_t high[128];
    Halves() {
        for (int i = 0; i < 128; i++) {
            const uint16_t bits = narrow<bf16>(float(i)).bits;
            low[i] = uint8_t(bits), high[i] = uint8_t(bits >> 8);
        }
    }
};
inline const Halves halves_of_numbers;

// A piece: 1024 numbers, sixty-four at a time, two lines each.
INLINE void widen_piece(const int8_t* from, bf16* to) {
    const __m512i low_first = _mm512_load_si512(halves_of_numbers.low);
    const __m512i low_second = _mm512_load_si512(halves_of_numbers.low + 64);
    const __m512i high_first = _mm512_load_si512(halves_of_numbers.high);
    const __m512i high_second = _mm512_load_si512(halves_of_numbers.high + 64);
    const __m512i sign = _mm512_set1_epi8(char(0x80));
    for (int i = 0; i < 1024; i += 64, to += 64) {
        const __m512i numbers = _mm512_loadu_si512(from + i), size = _mm512_abs_epi8(numbers);
        const __m512i low = _mm512_permutex2var_epi8(low_first, size, low_second);
        __m512i high = _mm512_permutex2var_epi8(high_first, size, high_second);
        high = _mm512_ternarylogic_epi32(high, numbers, sign, 0xf8);  // high | (numbers & sign)
        _mm512_storeu_si512(to, _mm512_unpacklo_epi8(low, high));
        _mm512_storeu_si512(to + 32, _mm512_unpackhi_epi8(low, high));
    }
}
#else
INLINE void widen_piece(const int8_t* from, bf16* to) {
    for (int tile = 0; tile < 2; tile++)
        for (int line = 0; line < 16; line++) {
            const words lanes = Lanes<bf16>::take(from + tile * 512, line);
            std::memcpy(to + tile * 512 + line * 32, &lanes, sizeof lanes);
        }
}
#endif
