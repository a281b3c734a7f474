// SPDX-License-Identifier: Apache-2.0
// The event loop of one thread: descriptors by epoll, timers by a wheel, messages from other
// threads by a mailbox.
//
// A turn: wait for something, read the clock once, call whoever is ready, fire the timers that are
// due, then the hooks "before sleeping", in which batches are sent. Whoever wants to be deleted
// while it is called goes to the graveyard, which is emptied at the end of the turn.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/expected.h"

namespace isthmus::dns64 {

/// Owner of a descriptor. After close_watch() it is not called again.
class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void on_ready(std::uint32_t events) = 0;
};

/// Something that happens later. Intrusive: arming allocates nothing; destroying disarms.
class Timer {
public:
    Timer() = default;
    virtual ~Timer() { unlink(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual void on_timer() = 0;
    void disarm() { unlink(); }

private:
    friend class Loop;
    friend class TimerWheel;
    void unlink() {
        if (next_ == nullptr) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }
    Timer* next_ = nullptr;
    Timer* prev_ = nullptr;
    std::uint64_t due_ms_ = 0;
};

/// 1,024 slots of 4 ms; a deadline further away than one round stays in its slot until it is due.
class TimerWheel {
public:
    TimerWheel();
    void arm(Timer& t, std::uint64_t due_ms);
    void fire(std::uint64_t now_ms);
    /// Milliseconds until a slot with timers comes up; -1: there is none.
    [[nodiscard]] int wait_ms(std::uint64_t now_ms);

private:
    static constexpr unsigned kSlots = 1024, kSlotMs = 4;
    struct Head final : Timer {
        void on_timer() override {}
    };
    std::array<Head, kSlots> slot_;
    std::array<std::uint64_t, kSlots / 64> maybe_{};  // a bit for each slot that may hold timers
    std::uint64_t done_ = 0;  // slots up to this number (of time, not of the array) have fired
};

class Loop {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Loop>> create();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    bool watch(int fd, Watcher& w, std::uint32_t events);
    void rewatch(int fd, Watcher& w, std::uint32_t events);
    /// Closes the descriptor; events of it that this turn still holds are dropped.
    void close_watch(int fd, Watcher& w);
    /// It is called in the next turn whatever its descriptor says. Its owner outlives the loop's
    /// running.
    void again(Watcher& w) { again_.push_back(&w); }
    /// As close_watch(), and the descriptor stays open: its owner closes it.
    void unwatch(int fd, Watcher& w);

    /// So many messages were read in this turn. Where they come thick, the thread rests a moment
    /// before it looks again, so that one look, and one wake-up, is for many.
    void did(unsigned n) { n_done_ += n; }

    void arm(Timer& t, std::uint64_t in_ms) { wheel_.arm(t, now_ms_ + in_ms); }
    /// Deletes it at the end of the turn.
    void bury(std::unique_ptr<Watcher> w) { graveyard_.push_back(std::move(w)); }
    /// Called at the end of every turn; the number is for unhook().
    unsigned before_sleep(std::function<void()> hook) {
        hooks_.emplace_back(++last_hook_, std::move(hook));
        return last_hook_;
    }
    /// Not from within a hook.
    void unhook(unsigned id) {
        std::erase_if(hooks_, [id](const auto& h) { return h.first == id; });
    }

    /// From any thread: `work` is done by the loop's thread, soon.
    void post(std::function<void()> work);
    void stop() {
        post([this] { stopped_ = true; });
    }
    void run();

    /// Monotonic milliseconds and nanoseconds, read once a turn.
    [[nodiscard]] std::uint64_t now_ms() const { return now_ms_; }
    [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
    /// Turns so far: a watchdog sees by it whether the thread lives.
    [[nodiscard]] std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

private:
    Loop(int epoll_fd, int wake_fd);
    void turn();
    void gather();
    void read_clock();
    void read_mail();

    int epoll_fd_, wake_fd_;
    bool stopped_ = false;
    std::uint64_t now_ms_ = 0, now_ns_ = 0;
    unsigned n_done_ = 0;  // messages, in this turn
    std::atomic<std::uint64_t> turns_{0};
    TimerWheel wheel_;
    std::vector<std::pair<unsigned, std::function<void()>>> hooks_;
    unsigned last_hook_ = 0;
    std::vector<std::unique_ptr<Watcher>> graveyard_;
    std::vector<const Watcher*> closed_;  // in this turn
    std::vector<Watcher*> again_, called_again_;
    std::mutex mail_lock_;  // taken only when a message is sent or was announced
    std::vector<std::function<void()>> mail_;
};

/// A descriptor that many messages come by. While it is quiet epoll tells of them, by edge; while
/// it is busy it is read in every turn, and taken out of epoll, which would be called for each
/// message that comes and each that leaves. Its owner outlives the loop's running.
class BusyWatch {
public:
    BusyWatch(Loop& loop, int fd, Watcher& w);
    /// Messages that on_ready() has read; `more`: it has stopped before there were none.
    void did(unsigned n, bool more);
    /// In the owner's destructor; the descriptor stays open.
    void end();

private:
    Loop& loop_;
    int fd_;
    Watcher& watcher_;
    bool in_epoll_ = true;
};

}  // namespace isthmus::dns64
