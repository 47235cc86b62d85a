// Memory that a thread keeps from call to call.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

constexpr size_t LARGE_PAGE = 2u << 20;

inline void advise_large_pages(void* memory, size_t bytes) {
#if defined(__linux__)
    char* begin =
        reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);
    char* end = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + bytes) / LARGE_PAGE * LARGE_PAGE);
    if (begin < end) madvise(begin, size_t(end - begin), MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}

class Workspace {
    struct Free {
        void operator()(char* memory) const { std::free(memory); }
    };
    std::unique_ptr<char, Free> memory_;
    size_t size_ = 0, used_ = 0;

  public:
    // Begin anew with room for `bytes` in all, 64 more for each part taken.
    void reset(size_t bytes) {
        used_ = 0;
        if (bytes <= size_) return;
        const size_t page = bytes < LARGE_PAGE ? 4096 : LARGE_PAGE;
        size_ = (bytes + page - 1) / page * page;
        memory_.reset();
        memory_.reset(static_cast<char*>(std::aligned_alloc(page, size_)));
        if (!memory_) {
            size_ = 0;
            throw std::bad_alloc();
        }
        advise_large_pages(memory_.get(), size_);
    }
    template <class T> T* take(size_t count) {
        T* result = reinterpret_cast<T*>(memory_.get() + used_);
        used_ += (count * sizeof(T) + 63) / 64 * 64;
        return result;
    }
};
