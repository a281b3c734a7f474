// SPDX-License-Identifier: Apache-2.0
// The forwarder: questions to resolvers, over UDP, TCP where an answer was truncated, or TLS.
//
// What a liar would have to guess (RFC 5452): a random ID, unique among all that is on its way, and
// the random port of the socket that was drawn for the query from a pool of kPorts, which may have
// several addresses (upstream_source.h). The sockets are
// connected, so the kernel lets in only what comes from the server's address and port; each is
// closed after some use and another opened. The question must come back as it was sent, in every
// bit with case_0x20. What does not match is counted, and waiting goes on.
//
// A query that is not answered is sent again, to the next healthy server if there is one, at most
// three times to each over one transport (RFC 9520 s3.1). A server is down when its port refuses
// or when nothing has come from it for a while, whatever was asked; a name that it does not answer
// says nothing about other names (RFC 2308 s7.2).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "common/config/config.h"
#include "common/config/dns64.h"
#include "dns64/dot.h"
#include "dns64/random.h"
#include "dns64/tcp.h"
#include "dns64/upstream.h"
#include "dns64/upstream_cookies.h"
#include "dns64/upstream_source.h"

namespace isthmus::dns64 {

class Forwarder;
struct Server;

/// One UDP socket towards one server.
class Port final : public Watcher {
public:
    Port(Forwarder& owner, Server& to) : owner_(owner), server(to) {}
    ~Port() override;
    void on_ready(std::uint32_t events) override;

    int fd = -1;
    unsigned uses = 0, in_flight = 0;
    std::uint64_t own_address = 0;  // told apart, not told

private:
    Forwarder& owner_;

public:
    Server& server;
};

/// A try to get an answer from one server, over one transport.
struct Attempt {
    Server* server = nullptr;
    Port* port = nullptr;      // UDP
    Stream* stream = nullptr;  // TCP, TLS
    std::uint16_t id = 0;
    std::uint8_t sent = 0;  // times
    bool is_live = false;
    bool with_edns = true;
    SentCookie cookie;  // UDP
    std::uint64_t sent_ns = 0;
};

struct ForwardFetch final : Fetch {
    explicit ForwardFetch(Forwarder& f) : owner(f) {}
    void on_timer() override;

    static constexpr unsigned kAttempts = 6;
    Forwarder& owner;
    std::array<Attempt, kAttempts> attempt;
    std::uint8_t n_attempts = 0, retransmissions = 0, strange = 0, bad_cookies = 0;
    bool over_tcp = false;
    Name sent_name;                      // as it is sent: with 0x20, in random case
    std::vector<std::uint8_t> fallback;  // an error answer, should nobody do better
};

struct Server final : StreamOwner {
    Server(Forwarder& f, config::Endpoint e) : owner(f), endpoint(std::move(e)) {}
    void on_message(Stream& s, std::span<const std::uint8_t> message) override;
    void on_open(Stream& s) override;
    void on_closed(Stream& s, const std::string& why) override;

    Forwarder& owner;
    config::Endpoint endpoint;
    bool trusted = false;
    std::vector<std::unique_ptr<Port>> ports;     // the pool; an empty place is opened when drawn
    std::vector<std::unique_ptr<Port>> retiring;  // wait for the answers that are on their way
    std::vector<std::uint16_t> order;             // places of the pool, shuffled
    std::size_t next_in_order = 0;
    std::unique_ptr<Stream> stream;
    std::uint64_t stream_used_ms = 0;
    /// A client cookie belongs to a server and an address of ours (RFC 7873 s5.1).
    UpstreamCookie& cookie_of(std::uint64_t own_address);
    std::vector<std::pair<std::uint64_t, UpstreamCookie>> cookies;
    struct Queued {
        ForwardFetch* fetch;
        std::uint8_t attempt;
    };
    std::vector<Queued> queue;  // to be sent over UDP at the end of the turn

    double srtt_ms = 0;
    unsigned unanswered = 0;  // tries in a row, of different questions
    std::uint64_t last_answer_ms = 0, first_unanswered_ms = 0;
    std::uint64_t down_until_ms = 0, down_for_ms = 0, refused_seen_ms = 0;
    std::uint64_t queries = 0, answers = 0, failures = 0, in_flight = 0;
    std::array<std::uint64_t, kResponseBounds.size() + 1> response_counts{};
    double response_seconds = 0;
};

class Forwarder final : public Upstream {
public:
    /// `tls`: needed when an endpoint is TLS.
    Forwarder(Loop& loop, Random& random, const config::Dns64Config& c,
              std::shared_ptr<TlsContext> tls);
    ~Forwarder() override;
    [[nodiscard]] std::vector<UpstreamHealth> health() const override;

private:
    friend class Port;
    friend struct ForwardFetch;
    friend struct Server;
    static constexpr unsigned kPorts = 128, kUsesOfPort = 64, kBatch = 32, kSendsMost = 3;
    static constexpr std::size_t kReceiveMost = 4096;

    Fetch* make_fetch() override;
    void recycle(Fetch& f) override;
    void start(Fetch& f) override;

    // choosing
    [[nodiscard]] bool is_down(const Server& s) const { return s.down_until_ms > loop_.now_ms(); }
    [[nodiscard]] Server* choose(const ForwardFetch& f) const;
    [[nodiscard]] unsigned sends_to(const ForwardFetch& f, const Server& s) const;
    [[nodiscard]] static bool waits_on_stream(const ForwardFetch& f, const Server& s);
    void advance(ForwardFetch& f);
    void on_timeout(ForwardFetch& f);
    void arm_retransmission(ForwardFetch& f, const Server& s);
    void give_up(ForwardFetch& f, Fetched::Outcome outcome);

    // sending
    void begin_attempt(ForwardFetch& f, Server& s, bool with_edns = true);
    void send_again(ForwardFetch& f, unsigned i);
    void end_attempt(Attempt& a);
    void end_attempts(ForwardFetch& f);
    /// Ends the live attempts that will not be answered; whose they are. `for_good`: the server is
    /// not tried again for the same question over the same transport.
    [[nodiscard]] std::vector<ForwardFetch*> end_lost(
        bool for_good, const std::function<bool(const Attempt&)>& is_lost);
    [[nodiscard]] bool take_id(ForwardFetch& f, unsigned i);
    [[nodiscard]] std::size_t write_query(const ForwardFetch& f, const Attempt& a,
                                          std::span<std::uint8_t> out) const;
    void send_over_stream(ForwardFetch& f, Attempt& a);
    [[nodiscard]] Port* draw_port(Server& s);
    [[nodiscard]] bool open_port(Port& p);
    [[nodiscard]] bool leave_from_source(int fd, int family);
    void flush();
    void flush(Server& s);
    void send_batch(Server& s, std::span<const Server::Queued> queued);
    void sweep_retiring(Server& s);

    // receiving
    void on_port(Port& p, std::uint32_t events);
    void on_answer(Server& s, const Port* p, const Stream* stream, Bytes bytes, bool cut);
    void accept_answer(ForwardFetch& f, Attempt& a, const Message& m, bool cut);
    [[nodiscard]] bool cookie_holds(ForwardFetch& f, Attempt& a, const Message& m);
    [[nodiscard]] bool question_matches(const ForwardFetch& f, Bytes bytes) const;
    void note_answer(Server& s, const Attempt& a);
    void note_silence(Server& s);
    void note_refusal(Server& s);
    void mark_down(Server& s);
    void stream_closed(Server& s, const std::string& why);

    Random& random_;
    const config::Dns64Config config_;
    const UpstreamSource source_;
    std::shared_ptr<TlsContext> tls_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<std::unique_ptr<ForwardFetch>> all_;
    std::vector<ForwardFetch*> free_;
    struct OnWay {
        ForwardFetch* fetch = nullptr;
        std::uint8_t attempt = 0;
    };
    std::vector<OnWay> by_id_;  // 65,536
    std::vector<std::uint8_t> receive_;
    unsigned hook_ = 0;
};

}  // namespace isthmus::dns64
