// SPDX-License-Identifier: Apache-2.0
// Any bytes as a DNS message: what the reader takes can be walked to its end without a byte read
// too far, and says the same when it is written anew. As a query: whatever answer it gets can be
// read, and fits.
#include <string>
#include <vector>

#include "dns64/request.h"
#include "dns64/wire.h"
#include "test/fuzz/fuzz.h"

namespace {

using namespace isthmus::dns64;
using fuzz::require;

/// Everything that a message says, as text.
std::string said_by(const Message& m) {
    std::string out;
    if (m.questions() > 0) {
        Name lower(m.qname());
        lower.fold();
        out = name_text(lower) + std::to_string(m.qtype()) + ' ' + std::to_string(m.qclass());
    }
    for (const Section s : {Section::answer, Section::authority, Section::additional}) {
        m.each(s, [&](const Record& r) {
            Name owner = m.name_at(r.owner_at);
            require(m.name_is(r.owner_at, owner), "a name is not its own");
            owner.fold();
            out += '\n' + name_text(owner) + ' ' + std::to_string(r.type) + ' ' +
                   std::to_string(r.cls) + ' ' + std::to_string(r.ttl);
            require(m.rdata(r).size() == r.rdata_len, "RDATA");
        });
    }
    return out;
}

/// The same records in a message of our own; empty: too long, its names being expanded.
std::span<std::uint8_t> written(const Message& m) {
    static std::vector<std::uint8_t> room(kMessageMost);
    Writer w(room);
    w.header(m.id(), m.flags());
    if (m.questions() > 0) w.question(m.qname(), m.qtype(), m.qclass());
    for (const Section s : {Section::answer, Section::authority, Section::additional}) {
        m.each(s, [&](const Record& r) {
            w.copy(m, r, m.name_at(r.owner_at), r.ttl);
            w.count(s);
        });
    }
    return w.ok() ? w.written() : std::span<std::uint8_t>();
}

void as_message(Bytes bytes) {
    Message m;
    if (Message::parse(bytes, m) != Fault::none || m.questions() > 1) return;
    m.each_option([](std::uint16_t, Bytes value) { return value.size() < 65536; });
    const std::string said = said_by(m);
    const std::span<std::uint8_t> copy = written(m);
    if (!copy.empty()) {
        Message again;
        require(Message::parse(copy, again) == Fault::none, "what was written cannot be read");
        require(said_by(again) == said, "what was written says something else");
        age_ttls(copy, again, 7);
        clamp_ttls(copy, again, 30);
        again.each(Section::answer,
                   [](const Record& r) { require(r.ttl <= 30, "a TTL was left out"); });
    }
    if (m.questions() == 1) {
        require(lifetime(m, m.qtype(), 10800) <= kTtlMost, "lifetime");
        (void)answers(m, m.qname(), m.qtype(), m.qclass());
    }
}

void as_query(Bytes bytes, bool stream) {
    Request q;
    const Checked c = read_request(bytes, stream, q);
    if (c.action == Action::drop) return;
    static std::vector<std::uint8_t> out(kMessageMost);
    ReplyExtras extras;
    extras.cookie = q.cookie;
    extras.ede = Ede::synthesized;
    extras.keepalive = q.keepalive;
    extras.pad = q.padding && stream;
    for (const std::size_t n :
         {write_error(q, Rcode::badvers, extras, out), write_truncated(q, extras, out)}) {
        require(n >= kHeaderBytes && n <= q.limit(), "an answer that does not fit");
        Message m;
        require(Message::parse(Bytes(out).first(n), m) == Fault::none, "an answer of no sense");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, size);
    as_message(bytes);
    as_query(bytes, false);
    as_query(bytes, true);
    return 0;
}
