// SPDX-License-Identifier: Apache-2.0
// A connection that carries DNS messages, each behind its length (RFC 1035 s4.2.2, RFC 7766), in
// clear or under TLS. Used by both ends: for clients who came, and for upstreams we go to.
//
// An idle connection holds no buffer: what is read goes through one buffer of the thread, and only
// a message in pieces is kept. What the other side does not read is kept up to kUnsentMost; until
// it is gone nothing more is read from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns64/dot.h"
#include "dns64/loop.h"

namespace isthmus::dns64 {

class Stream;

class StreamOwner {
public:
    virtual ~StreamOwner() = default;
    virtual void on_message(Stream& s, std::span<const std::uint8_t> message) = 0;
    /// The connection (and its TLS session) stands.
    virtual void on_open(Stream&) {}
    /// It is closed, by whichever end; called once, never from within send(). The owner buries it.
    virtual void on_closed(Stream& s, const std::string& why) = 0;
};

class Stream final : public Watcher {
public:
    /// Takes the descriptor. `connecting`: connect() was called and may not be through.
    Stream(Loop& loop, int fd, StreamOwner& owner, bool connecting,
           std::unique_ptr<TlsSession> tls);
    ~Stream() override;

    /// Queues a message; false: the connection is closed or chokes.
    bool send(std::span<const std::uint8_t> message);
    /// Without telling the owner.
    void close();
    [[nodiscard]] bool is_open() const { return fd_ >= 0 && state_ == State::open; }
    void on_ready(std::uint32_t events) override;

    /// For the owner.
    std::uint64_t tag = 0;

private:
    enum class State : std::uint8_t { connecting, handshake, open };
    void fail(const std::string& why);
    void advance_connect();
    void advance_handshake();
    void read_some();
    void take(std::span<const std::uint8_t> bytes);
    [[nodiscard]] bool flush();
    void want(std::uint32_t events);
    void update_want();

    static constexpr std::size_t kUnsentMost = std::size_t{256} << 10;
    Loop& loop_;
    StreamOwner& owner_;
    int fd_;
    State state_;
    std::unique_ptr<TlsSession> tls_;
    std::uint32_t wanted_ = 0;
    bool reading_ = false;           // take() is at work: the owner may call send() and close()
    bool broken_ = false;            // a write failed meanwhile
    bool read_wants_write_ = false;  // TLS
    std::vector<std::uint8_t> in_, out_;
    std::size_t out_at_ = 0;
};

}  // namespace isthmus::dns64
