// Threads that do one phase after the other together.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The functions of the OpenMP runtime that torch has loaded: with it there is one pool of threads, not two that wait
// for each other by spinning. Both libgomp and LLVM's runtime have them. Without a runtime there is one thread.
struct Runtime {
    void (*parallel)(void (*body)(void*), void* data, unsigned threads, unsigned flags);  // GOMP_parallel
    int (*thread)(void);                                                                  // omp_get_thread_num
    int (*threads)(void);                                                                 // omp_get_num_threads
};
inline Runtime runtime = {};

class Team {
    struct alignas(64) Cursor {
        std::atomic<int64_t> next{0};
    };

  public:
    // One thread's place in the team.
    struct Member {
        int id, count, phase;
    };

    explicit Team(int threads) : threads_(threads), cursors_(new Cursor[size_t(threads) * 3]) {}

    // Units [0, `units`): each thread takes its own share from the front, then what others have not begun. What a
    // thread owns stays the same from step to step, so that its caches and its memory streams do; a thread that the
    // system holds up loses its share to the others.
    template <class Work> void share(Member& me, int64_t units, Work&& work) {
        Cursor* cursors = &cursors_[size_t(me.phase % 3) * size_t(threads_)];
        for (int turn = 0; turn < me.count; turn++) {
            int owner = (me.id + turn) % me.count;
            int64_t begin = units * owner / me.count, size = units * (owner + 1) / me.count - begin;
            std::atomic<int64_t>& next = cursors[owner].next;
            while (next.load(std::memory_order_relaxed) < size) {
                int64_t mine = next.fetch_add(1, std::memory_order_relaxed);
                if (mine >= size) break;
                work(begin + mine);
            }
        }
    }

    // Wait until all have come this far. The cursors of the phase before are free by now: nobody is there any more.
    void finish(Member& me) {
        cursors_[size_t((me.phase + 2) % 3) * size_t(threads_) + size_t(me.id)].next.store(0,
                                                                                           std::memory_order_relaxed);
        me.phase++;
        if (me.count == 1) return;
        uint32_t generation = generation_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == me.count) {
            arrived_.store(0, std::memory_order_relaxed);
            generation_.store(generation + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; spins++) {
            if (spins < 2000) {
                relax();
            } else {
                sched_yield();
            }
        }
    }

    // Run `body(team, member)` on up to `threads` threads.
    template <class Body> static void run(int threads, Body&& body) {
        if (threads < 2 || !runtime.parallel) {
            Team alone(1);
            Member me{0, 1, 0};
            return body(alone, me);
        }
        Team team(threads);
        struct Task {
            Team& team;
            Body& body;
            static void start(void* data) {
                Task& task = *static_cast<Task*>(data);
                Member me{runtime.thread(), runtime.threads(), 0};
                task.body(task.team, me);
            }
        } task{team, body};
        runtime.parallel(Task::start, &task, unsigned(threads), 0);
    }

  private:
    static void relax() {
#if defined(__x86_64__)
        _mm_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    int threads_;
    std::unique_ptr<Cursor[]> cursors_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<uint32_t> generation_{0};
};
