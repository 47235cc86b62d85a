// Sixteen numbers at a time, in a form that every compiler and processor understands; with AVX512 it is one register.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#define NATIVE_BF16 1
#endif

#define INLINE inline __attribute__((always_inline))

using floats = float __attribute__((vector_size(64)));
using ints = int32_t __attribute__((vector_size(64)));
using words = uint32_t __attribute__((vector_size(64)));
using halves = uint16_t __attribute__((vector_size(32)));

constexpr int LANES = 16;

struct bf16 {
    uint16_t bits;
};

template <class To, class From> INLINE To bits_as(From value) {
    static_assert(sizeof(To) == sizeof(From));
    To result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

template <class V, class T> INLINE V load_as(const T* from) {
    V result;
    std::memcpy(&result, from, sizeof result);
    return result;
}

INLINE floats splat(float value) { return floats{} + value; }
INLINE floats load(const float* from) { return load_as<floats>(from); }
INLINE floats load(const bf16* from) {
    return bits_as<floats>(__builtin_convertvector(load_as<halves>(from), words) << 16);
}
INLINE void store(float* to, floats value) { std::memcpy(to, &value, sizeof value); }

// Rounds to the nearest, ties to even; a NaN stays one.
INLINE void store(bf16* to, floats value) {
#ifdef NATIVE_BF16
    __m256bh rounded = _mm512_cvtneps_pbh((__m512)value);
    std::memcpy(to, &rounded, sizeof rounded);
#else
    words bits = bits_as<words>(value);
    words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    ints number = value == value;
    rounded = number ? rounded : (bits >> 16) | 0x40u;
    halves narrow = __builtin_convertvector(rounded, halves);
    std::memcpy(to, &narrow, sizeof narrow);
#endif
}

INLINE float widen(float value) { return value; }
INLINE float widen(bf16 value) { return bits_as<float>(uint32_t(value.bits) << 16); }
template <class T> INLINE T narrow(float value);
template <> INLINE float narrow<float>(float value) { return value; }
template <> INLINE bf16 narrow<bf16>(float value) {
    uint32_t bits = bits_as<uint32_t>(value);
    if (value != value) return {uint16_t((bits >> 16) | 0x40u)};
    return {uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

// The first `count` of sixteen; the others are 0 and their memory is not touched.
template <class T> INLINE floats load_part(const T* from, int count) {
    if (count >= LANES) return load(from);
    T padded[LANES] = {};
    std::memcpy(padded, from, sizeof(T) * size_t(count));
    return load(padded);
}
template <class T> INLINE void store_part(T* to, floats value, int count) {
    if (count >= LANES) return store(to, value);
    T padded[LANES];
    store(padded, value);
    std::memcpy(to, padded, sizeof(T) * size_t(count));
}

INLINE float sum(floats v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)v);
#else
    float total[4] = {};
    for (int i = 0; i < LANES; i++) total[i & 3] += v[i];
    return (total[0] + total[1]) + (total[2] + total[3]);
#endif
}
INLINE floats larger(floats a, floats b) {
#if defined(__AVX512F__)
    return (floats)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return a > b ? a : b;
#endif
}
INLINE float largest(floats v) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)v);
#else
    float result = v[0];
    for (int i = 1; i < LANES; i++) result = v[i] > result ? v[i] : result;
    return result;
#endif
}

// e^x within 2 units in the last place, 0 for very negative numbers; a NaN stays one. Coefficients: Cephes' expf.
#if defined(__AVX512F__)
INLINE floats exponential(floats x) {
    const __m512 lowest = _mm512_set1_ps(-87.33654f);
    const __m512 y = _mm512_max_ps(lowest, (__m512)x);  // gives its second operand where one is NaN
    const __mmask16 some = _mm512_cmp_ps_mask((__m512)x, lowest, _CMP_NLT_UQ);
    const __m512 whole = _mm512_roundscale_ps(y * _mm512_set1_ps(1.44269504088896341f), 8);
    __m512 r = _mm512_fnmadd_ps(whole, _mm512_set1_ps(0.693359375f), y);
    r = _mm512_fmadd_ps(whole, _mm512_set1_ps(2.12194440e-4f), r);
    __m512 p = _mm512_fmadd_ps(r, _mm512_set1_ps(1.9875691500e-4f), _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, r * r, r + _mm512_set1_ps(1.0f));
    return (floats)_mm512_maskz_scalef_ps(some, p, whole);
}
#else
INLINE floats exponential(floats x) {
    const float lowest = -87.33654f, highest = 88.37f, shift = 12582912.0f;  // 1.5 * 2^23 rounds to a whole number
    floats y = x < lowest ? splat(lowest) : x;
    y = y > highest ? splat(highest) : y;
    floats shifted = y * 1.44269504088896341f + shift;
    floats whole = shifted - shift;
    floats r = y - whole * 0.693359375f;
    r = r + whole * 2.12194440e-4f;
    floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    floats power = bits_as<floats>((bits_as<ints>(shifted) - 0x4b400000 + 127) << 23);
    floats result = (p * (r * r) + r + 1.0f) * power;
    return x < lowest ? floats{} : result;
}
#endif
INLINE floats hyperbolic_tangent(floats x) { return 1.0f - 2.0f / (exponential(x + x) + 1.0f); }

// x / (1 + e^-x)
INLINE floats silu(floats x) {
#if defined(__AVX512F__)
    // A division costs more than all the rest: an estimate and a step of Newton's leave 2 units in the last place.
    const __m512 down = _mm512_add_ps((__m512)exponential((floats)_mm512_min_ps(_mm512_set1_ps(87.0f), (__m512)-x)),
                                      _mm512_set1_ps(1.0f));
    const __m512 near = _mm512_rcp14_ps(down);
    return x * (floats)_mm512_mul_ps(near, _mm512_fnmadd_ps(down, near, _mm512_set1_ps(2.0f)));
#else
    return x / (exponential(-x) + 1.0f);
#endif
}

// How numbers of a dtype stand in packed memory: `together` of them, neighbours along a sum, form one 32-bit lane.
template <class T> struct Pack;
template <> struct Pack<float> {
    static constexpr int together = 1;
    using lane = float;
    static INLINE floats dot(floats total, const float* lanes, lane factor) { return total + load(lanes) * factor; }
};
template <> struct Pack<bf16> {
    static constexpr int together = 2;
    using lane = uint32_t;
    static INLINE floats dot(floats total, const bf16* lanes, lane factor) {
        return dot(total, load_as<words>(lanes), factor);
    }
    static INLINE floats dot(floats total, words lanes, lane factor) {
#ifdef NATIVE_BF16
        return (floats)_mm512_dpbf16_ps((__m512)total, (__m512bh)lanes, (__m512bh)_mm512_set1_epi32(int(factor)));
#else
        floats first = bits_as<floats>(lanes << 16), second = bits_as<floats>(lanes & 0xffff0000u);
        total = total + first * bits_as<float>(factor << 16);
        return total + second * bits_as<float>(factor & 0xffff0000u);
#endif
    }
};

template <class T> INLINE typename Pack<T>::lane lane_at(const T* from) {
    typename Pack<T>::lane result;
    std::memcpy(&result, from, sizeof result);
    return result;
}
