// SPDX-License-Identifier: Apache-2.0
// The NAT's log as syslog messages with structured data (RFC 5424): one message a record; over UDP
// and Unix sockets one in a datagram (RFC 5426), over TCP with counted octets (RFC 6587 s3.4.1).
#pragma once

#include "control/logs/record.h"
#include "control/logs/wire.h"

namespace isthmus::control {

/// Without framing. `header` is what stands between the time and MSGID: host, program, process.
[[nodiscard]] std::string syslog_message(const std::string& instance, const LogRecord& r,
                                         unsigned facility, const std::string& header);

class Syslog final : public LogSink {
public:
    explicit Syslog(const config::LogOutlet& to);
    Status deliver(const LogBatch& batch) override;
    Status tick() override { return wire_.look(); }
    [[nodiscard]] bool may_forget() const override { return wire_.is_stream(); }
    void set_patience(const Patience& goes_on) override { wire_.set_patience(goes_on); }

private:
    Wire wire_;
    unsigned facility_;
    std::string header_;
};

}  // namespace isthmus::control
