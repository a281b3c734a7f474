// SPDX-License-Identifier: Apache-2.0
#include "dns64/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace isthmus::dns64 {

namespace {

constexpr int kEventsMost = 256;
/// Fewer messages in a turn come from few clients, who get their answers without a rest in between.
constexpr unsigned kThick = 4;
/// As long as a network card holds an interrupt back to gather frames.
constexpr timespec kRest{0, 50'000};
/// After so many there is more already.
constexpr unsigned kMany = 64;
/// Even with nothing to do a turn comes once a second: the watchdog counts turns.
constexpr int kSleepMostMs = 1000;

}  // namespace

TimerWheel::TimerWheel() {
    for (Head& h : slot_) h.next_ = h.prev_ = &h;
}

void TimerWheel::arm(Timer& t, std::uint64_t due_ms) {
    t.unlink();
    t.due_ms_ = due_ms;
    const std::uint64_t slot = std::max(due_ms / kSlotMs, done_) + 1;  // never before it is due
    maybe_[slot % kSlots / 64] |= std::uint64_t{1} << (slot % 64);
    Head& h = slot_[slot % kSlots];
    t.prev_ = h.prev_;
    t.next_ = &h;
    h.prev_->next_ = &t;
    h.prev_ = &t;
}

void TimerWheel::fire(std::uint64_t now_ms) {
    const std::uint64_t now = now_ms / kSlotMs;
    if (now - done_ > kSlots) done_ = now - kSlots;  // slept longer than a round: each slot once
    while (done_ < now) {
        Head& h = slot_[++done_ % kSlots];
        if (h.next_ == &h) continue;
        // The list is taken off first: timers may be armed and destroyed by those that fire.
        Head due;
        due.next_ = h.next_;
        due.prev_ = h.prev_;
        due.next_->prev_ = due.prev_->next_ = &due;
        h.next_ = h.prev_ = &h;
        while (due.next_ != &due) {
            Timer& t = *due.next_;
            t.unlink();
            if (t.due_ms_ <= now_ms) {
                t.on_timer();
            } else {
                arm(t, t.due_ms_);
            }
        }
        due.next_ = due.prev_ = nullptr;
    }
}

int TimerWheel::wait_ms(std::uint64_t now_ms) {
    for (std::uint64_t slot = done_ + 1; slot <= done_ + kSlots;) {
        std::uint64_t& word = maybe_[slot % kSlots / 64];
        const std::uint64_t rest = word >> (slot % 64);
        if (rest == 0) {
            slot = (slot / 64 + 1) * 64;
            continue;
        }
        slot += static_cast<unsigned>(__builtin_ctzll(rest));
        const Head& h = slot_[slot % kSlots];
        if (h.next_ == &h) {
            word &= ~(std::uint64_t{1} << (slot % 64));
            continue;
        }
        const std::uint64_t at = slot * kSlotMs;
        return at <= now_ms ? 0 : static_cast<int>(at - now_ms);
    }
    return -1;
}

Expected<std::unique_ptr<Loop>> Loop::create() {
    const int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
    const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_fd < 0 || wake_fd < 0) {
        const std::string why = std::strerror(errno);
        if (epoll_fd >= 0) ::close(epoll_fd);
        if (wake_fd >= 0) ::close(wake_fd);
        return Error{"event loop", why};
    }
    return std::unique_ptr<Loop>(new Loop(epoll_fd, wake_fd));
}

Loop::Loop(int epoll_fd, int wake_fd) : epoll_fd_(epoll_fd), wake_fd_(wake_fd) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = nullptr;  // the mailbox
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &e);
    read_clock();
    wheel_.fire(now_ms_);
}

Loop::~Loop() {
    ::close(wake_fd_);
    ::close(epoll_fd_);
}

bool Loop::watch(int fd, Watcher& w, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.ptr = &w;
    return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &e) == 0;
}

void Loop::rewatch(int fd, Watcher& w, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.ptr = &w;
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &e);
}

void Loop::unwatch(int fd, Watcher& w) {
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
    closed_.push_back(&w);
}

void Loop::close_watch(int fd, Watcher& w) {
    unwatch(fd, w);
    ::close(fd);
}

void Loop::post(std::function<void()> work) {
    {
        const std::lock_guard guard(mail_lock_);
        mail_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    // The counter cannot overflow: who finds it full finds the loop awake.
    [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

void Loop::read_mail() {
    std::uint64_t n = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &n, sizeof n);
    std::vector<std::function<void()>> mail;
    {
        const std::lock_guard guard(mail_lock_);
        mail.swap(mail_);
    }
    for (const auto& work : mail) work();
}

void Loop::read_clock() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    now_ns_ = static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
              static_cast<std::uint64_t>(t.tv_nsec);
    now_ms_ = now_ns_ / 1'000'000U;
}

void Loop::gather() {
    const bool thick = n_done_ >= kThick && n_done_ < kMany;
    n_done_ = 0;
    if (thick) ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kRest, nullptr);
}

void Loop::turn() {
    gather();
    epoll_event events[kEventsMost];
    const int armed = wheel_.wait_ms(now_ms_);
    const bool waits = again_.empty();
    const int wait = !waits ? 0 : armed < 0 ? kSleepMostMs : std::min(armed, kSleepMostMs);
    const int n = ::epoll_wait(epoll_fd_, events, kEventsMost, wait);
    read_clock();
    for (int i = 0; i < n; i++) {
        auto* w = static_cast<Watcher*>(events[i].data.ptr);
        if (w == nullptr) {
            read_mail();
        } else if (closed_.empty() ||
                   std::find(closed_.begin(), closed_.end(), w) == closed_.end()) {
            w->on_ready(events[i].events);
        }
    }
    if (!waits) {
        called_again_.swap(again_);
        for (Watcher* w : called_again_) w->on_ready(0);
        called_again_.clear();
    }
    wheel_.fire(now_ms_);
    for (const auto& hook : hooks_) hook.second();
    closed_.clear();
    graveyard_.clear();
    turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Loop::run() {
    // Rests are short: the kernel may not make them longer to save a timer.
    (void)::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    while (!stopped_) turn();
}

BusyWatch::BusyWatch(Loop& loop, int fd, Watcher& w) : loop_(loop), fd_(fd), watcher_(w) {
    loop_.watch(fd_, watcher_, EPOLLIN | EPOLLET);
}

void BusyWatch::did(unsigned n, bool more) {
    loop_.did(n);
    if (in_epoll_ && n >= kMany) {
        loop_.unwatch(fd_, watcher_);
        in_epoll_ = false;
    }
    if (in_epoll_ ? more : n > 0) return loop_.again(watcher_);
    if (in_epoll_) return;
    // epoll looks at it when it is added: what has come meanwhile is told.
    loop_.watch(fd_, watcher_, EPOLLIN | EPOLLET);
    in_epoll_ = true;
}

void BusyWatch::end() {
    if (in_epoll_) loop_.unwatch(fd_, watcher_);
}

}  // namespace isthmus::dns64
