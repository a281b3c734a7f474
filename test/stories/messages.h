// SPDX-License-Identifier: Apache-2.0
// What clients and upstreams say in a story, as messages made by ldns.
#pragma once

#include <ldns/ldns.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dns64/names_of_codes.h"
#include "dns64/synth.h"

namespace stories {

using namespace isthmus;
using namespace isthmus::dns64;

using Octets = std::vector<std::uint8_t>;
using PacketPtr = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

constexpr std::uint16_t kId = 0x4242;

[[noreturn]] void fail(const std::string& what);

struct Sections {
    std::array<std::vector<std::string>, 3> of;  // an, ns, ar
};

struct Said {  // by upstream
    std::string name, result;
    RrType type = 0;
    std::set<std::string> flags;
    RrClass cls = kClassIn;
    Sections records;
    bool used = false;
    unsigned line = 0;
};

struct Question {
    std::string name;
    RrType type = 0;
    RrClass cls = kClassIn;
    std::set<std::string> flags;
    unsigned size = 1232;
    std::vector<Said> said;
};

/// By their mnemonics.
RrType type_named(const std::string& text);
RrClass class_named(const std::string& text);
/// As a zone file has it.
std::string record_text(const ldns_rr* rr);
/// A record in the form that record_text() gives it.
std::string canonical(const std::string& text);
Octets query_of(const Question& q);
/// Upstream's message. It echoes the OPT that we sent.
Octets answer_of(const Said& s, const Ask& ask);

}  // namespace stories
