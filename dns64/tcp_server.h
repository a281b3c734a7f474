// SPDX-License-Identifier: Apache-2.0
// Clients on connections, in clear or under TLS (RFC 7766, 7828, 7858): pipelined queries, answers
// in the order in which they are ready.
//
// Nobody holds a place for nothing. The idle timer starts when a connection comes and again with
// each whole query, never with a part of one; a client has so many connections; when all places are
// taken, the connection that has been silent longest goes.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "dns64/dot.h"
#include "dns64/tcp.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

/// Connections of all workers by client; a lock is taken when one comes or goes, not for a query.
class ConnectionCount {
public:
    /// False: this client has `most` already.
    [[nodiscard]] bool enter(const std::string& client, std::uint32_t most);
    void leave(const std::string& client);

private:
    std::mutex lock_;
    std::map<std::string, std::uint32_t> by_client_;
};

class TcpListener final : public Watcher, public Transport, public StreamOwner {
    struct Connection;

public:
    /// The connections of one worker, of all its listeners: the longest silent first.
    using Places = std::list<Connection*>;
    /// `tls`: null, or every connection speaks TLS from its first octet.
    [[nodiscard]] static Expected<std::unique_ptr<TcpListener>> open(
        Worker& worker, const config::Endpoint& e, ConnectionCount& count, Places& places,
        std::shared_ptr<TlsContext> tls);
    ~TcpListener() override;
    void on_ready(std::uint32_t events) override;
    void reply(const Origin& to, Bytes message) override;
    /// For connections that come from now on, where this listener speaks TLS.
    void replace_tls(std::shared_ptr<TlsContext> tls) {
        if (tls_) tls_ = std::move(tls);
    }
    [[nodiscard]] Worker& worker() { return worker_; }

private:
    struct Connection final : Timer {
        explicit Connection(TcpListener& o) : owner(o) {}
        void on_timer() override { owner.idle(*this); }
        TcpListener& owner;
        std::unique_ptr<Stream> stream;
        Origin origin;
        std::string client;
        unsigned pending = 0;  // queries without an answer
        Places::iterator place;
    };
    TcpListener(Worker& worker, int fd, ConnectionCount& count, Places& places,
                std::shared_ptr<TlsContext> tls);
    void accept_one(int fd, const SocketAddress& peer);
    [[nodiscard]] bool make_room();
    void idle(Connection& c);
    void drop(Connection& c);
    void touch(Connection& c);
    void on_message(Stream& s, std::span<const std::uint8_t> message) override;
    void on_closed(Stream& s, const std::string& why) override;

    Worker& worker_;
    int fd_;
    ConnectionCount& count_;
    std::shared_ptr<TlsContext> tls_;
    std::uint64_t last_number_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connection_;
    Places& by_silence_;
    std::vector<std::uint8_t> answer_;
};

}  // namespace isthmus::dns64
