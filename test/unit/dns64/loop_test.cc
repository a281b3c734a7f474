// SPDX-License-Identifier: Apache-2.0
#include "dns64/loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

using namespace isthmus;
using namespace isthmus::dns64;

namespace {

/// Reads messages of an octet, at most `most` a call, until it has them all.
class Reader final : public Watcher {
public:
    Reader(Loop& loop, int fd, unsigned most, unsigned wanted)
        : loop_(loop), fd_(fd), most_(most), wanted_(wanted), watch_(loop, fd, *this) {}
    ~Reader() override { watch_.end(); }
    void on_ready(std::uint32_t events) override {
        told_ += events != 0 ? 1 : 0;
        unsigned n = 0;
        char byte = 0;
        while (n < most_ && ::read(fd_, &byte, 1) == 1) n++;
        read_ += n;
        watch_.did(n, n == most_);
        if (read_ >= wanted_) loop_.stop();
    }
    unsigned read_ = 0, told_ = 0;

private:
    Loop& loop_;
    int fd_;
    unsigned most_, wanted_;
    BusyWatch watch_;
};

}  // namespace

TEST_CASE("a busy descriptor is read without being told of, and told of again when it was quiet") {
    int fds[2];
    REQUIRE(::pipe2(fds, O_NONBLOCK) == 0);
    auto loop = Loop::create();
    REQUIRE(loop);
    constexpr unsigned kBursts = 20, kOfBurst = 90, kSingle = 20;
    Reader reader(**loop, fds[0], 64, kBursts * kOfBurst + kSingle);
    std::thread sender([fd = fds[1]] {
        const auto send = [fd](unsigned n) {
            const std::string octets(n, 'x');
            (void)!::write(fd, octets.data(), octets.size());
        };
        for (unsigned i = 0; i < kBursts; i++) send(kOfBurst);
        for (unsigned i = 0; i < kSingle; i++) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            send(1);
        }
    });
    (*loop)->run();
    sender.join();
    CHECK(reader.read_ == kBursts * kOfBurst + kSingle);
    CHECK(reader.told_ > 0);
    CHECK(reader.told_ < kBursts * kOfBurst);
    ::close(fds[0]);
    ::close(fds[1]);
}

TEST_CASE("what lies there before it is watched, and what is left over, is read") {
    int fds[2];
    REQUIRE(::pipe2(fds, O_NONBLOCK) == 0);
    for (unsigned i = 0; i < 10; i++) REQUIRE(::write(fds[1], "x", 1) == 1);
    auto loop = Loop::create();
    REQUIRE(loop);
    Reader reader(**loop, fds[0], 3, 10);
    (*loop)->run();
    CHECK(reader.read_ == 10);
    CHECK(reader.told_ == 1);
    ::close(fds[0]);
    ::close(fds[1]);
}
