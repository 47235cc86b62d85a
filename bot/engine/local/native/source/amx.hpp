// Matrix tiles of Intel's AMX: eight of sixteen rows of 64 bytes. The compiler knows nothing of what tiles read from
// memory, so what was written for them must be fenced off with `written()`.
#pragma once
#include "vector.hpp"
#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__linux__)
#define NATIVE_AMX 1
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

inline bool amx_allowed = false;

INLINE void written() { asm volatile("" ::: "memory"); }

// Ask the system for the tiles' state: once a process, before threads use them.
inline bool allow_amx() {
#ifdef NATIVE_AMX
    const long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    amx_allowed = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#endif
    return amx_allowed;
}

// All eight tiles have rows of 64 bytes: 5 to 7 sixteen of them, 0 to 4 `rows` (fewer take less time).
INLINE void configure_tiles([[maybe_unused]] int rows = 16) {
#ifdef NATIVE_AMX
    struct alignas(64) {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape;
    std::memset(&shape, 0, sizeof shape);
    shape.palette = 1;
    for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = uint8_t(i < 5 ? rows : 16);
    asm volatile("ldtilecfg %0" ::"m"(shape) : "memory");
#endif
}
INLINE void release_tiles() {
#ifdef NATIVE_AMX
    if (amx_allowed) _tile_release();
#endif
}
