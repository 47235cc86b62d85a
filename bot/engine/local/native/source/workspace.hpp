// Memory that a thread keeps from call to call.
#pragma once
#include <cstdlib>
#include <memory>
#include <new>

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
        size_ = (bytes + 4095) / 4096 * 4096;
        memory_.reset();
        memory_.reset(static_cast<char*>(std::aligned_alloc(4096, size_)));
        if (!memory_) {
            size_ = 0;
            throw std::bad_alloc();
        }
    }
    template <class T> T* take(size_t count) {
        T* result = reinterpret_cast<T*>(memory_.get() + used_);
        used_ += (count * sizeof(T) + 63) / 64 * 64;
        return result;
    }
};
