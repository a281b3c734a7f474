// SPDX-License-Identifier: Apache-2.0
// The NAT's log as IPFIX (RFC 7011, RFC 8158), encoded by libfixbuf into memory and sent by us,
// over UDP or TCP. Templates go first on each connection, over UDP twice at first and again and
// again. The sum of lost records travels as options data, notSentFlowTotalCount (RFC 7011 s4.3), at
// each gap and each mark after one; the other notes have no element.
#pragma once

#include <functional>
#include <memory>

#include "control/logs/record.h"
#include "control/logs/wire.h"

namespace isthmus::control {

/// Records to IPFIX messages of one transport session.
class IpfixEncoder {
public:
    using Send = std::function<Status(const std::string& message)>;
    IpfixEncoder(std::uint32_t domain, std::size_t message_bytes);
    ~IpfixEncoder();
    IpfixEncoder(const IpfixEncoder&) = delete;
    IpfixEncoder& operator=(const IpfixEncoder&) = delete;

    [[nodiscard]] Status templates(const Send& send);
    /// Sends full messages only; flush() the rest.
    [[nodiscard]] Status add(const LogRecord& r, const Send& send);
    [[nodiscard]] Status flush(const Send& send);
    [[nodiscard]] std::size_t message_bytes() const;
    /// Data records so far (RFC 7011 s3.1).
    [[nodiscard]] std::uint32_t sequence() const;
    void set_sequence(std::uint32_t n);
    /// Records that the collector will never have, since we began.
    struct NotSent {
        std::uint64_t records = 0, first_ms = 0, last_ms = 0;
    };
    [[nodiscard]] const NotSent& not_sent() const;
    void set_not_sent(const NotSent& n);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

class Ipfix final : public LogSink {
public:
    explicit Ipfix(const config::LogOutlet& to);
    Status deliver(const LogBatch& batch) override;
    Status tick() override { return wire_.look(); }
    [[nodiscard]] bool may_forget() const override { return wire_.is_stream(); }
    void set_patience(const Patience& goes_on) override { wire_.set_patience(goes_on); }

private:
    Status begin();

    Wire wire_;
    const std::uint32_t domain_;
    const std::int64_t template_ns_;
    std::unique_ptr<IpfixEncoder> encoder_;
    IpfixEncoder::NotSent not_sent_;
    unsigned connection_ = 0;        // that encoder_ is for
    std::int64_t templates_ns_ = 0;  // steady clock
};

}  // namespace isthmus::control
