// SPDX-License-Identifier: Apache-2.0
// Packets written as text, for golden cases: one line is one packet, layers divided by " / ".
//
//   ip6 2001:db8:1::5 > 2001:db8:64::cb00:7109 hops=64 class=0xb9 / udp 1234 > 53 / data 33
//   ip4 203.0.113.9 > 198.51.100.1 ttl=9 df options=01010100 / icmp 3 3 / ( ip4 ... ) cut=28
//   piece 0 1232 more id=0x1234 of ip6 A > B / udp 1 > 2 / data 3000
//
// Layers and their words (all have defaults; numbers decimal or 0x...):
//   ip6 S > D   hops= class= flow= len= next= version=
//   ip4 S > D   ttl= tos= id= df mf offset= (bytes) options= (hex) len= proto= sum= ihl= version=
//   frag        id= offset= more next=            Fragment Header
//   hopbyhop, destopt, routing   bytes= left= (routing) next=
//   udp S > D   len= sum=        tcp S > D   flags=SAFRPU options= (hex) sum= offset= (words)
//   icmp T C, icmp6 T C   rest= (32 bits) id= seq= mtu= pointer= length= sum=
//   data N [from=K]  a pattern;  zero N;  hex 0a0b;  ( packet ) cut=N  a quoted packet, cut short
// sum=bad spoils a checksum, sum=0x1234 sets it. A value `any` matches whatever came; `$name` takes
// the value the first time and must meet it again ever after.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/unit/packets.h"

namespace golden {

using packets::Bytes;
using Words = std::vector<std::string>;
using Variables = std::map<std::string, unsigned>;

struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A field whose value the packet under test decides.
struct Hole {
    std::size_t at = 0;
    std::string name;  // "any": matches whatever is there
};

/// Bytes from some layer on to the end.
struct Built {
    Bytes bytes;
    std::vector<Hole> holes;
    unsigned protocol = 59;  // of the first header
    unsigned transport = 0;  // protocol whose checksum is still to be written; 0: none
    std::size_t transport_at = 0;
    std::string sum;  // what was said of it: "", "bad", or a number
};

[[nodiscard]] Words split(const std::string& line);
[[nodiscard]] unsigned long number(const std::string& text);
[[nodiscard]] Bytes hex(const std::string& text);

/// The packet that `words` describe. Variables that are not known yet become holes.
[[nodiscard]] Built build(const Words& words, const Variables& known);

/// As build(), with the holes filled from `got`, the packet that it shall be compared with; named
/// ones are remembered.
[[nodiscard]] Bytes build_like(const Words& words, Variables& known, const Bytes& got);

}  // namespace golden
