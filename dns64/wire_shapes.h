// SPDX-License-Identifier: Apache-2.0
// Where names stand in RDATA: what the reader checks, and the writer expands.
#pragma once

#include <array>

#include "dns64/codes.h"

namespace isthmus::dns64 {

/// Shape of RDATA that holds names which may be compressed, or whose length is fixed. `n` a name,
/// `s` a character string, a digit that many octets, `*` the rest. Others are opaque.
struct Shape {
    RrType type;
    const char* parts;
    bool compress;  // the writer may (RFC 3597 s4: types of RFC 1035 only)
};
inline constexpr auto kShapes = std::to_array<Shape>({
    {rr::a, "4", false},      {rr::ns, "n", true},      {rr::md, "n", true},
    {rr::mf, "n", true},      {rr::cname, "n", true},   {rr::soa, "nn44444", true},
    {rr::mb, "n", true},      {rr::mg, "n", true},      {rr::mr, "n", true},
    {rr::ptr, "n", true},     {rr::minfo, "nn", true},  {rr::mx, "2n", true},
    {rr::rp, "nn", false},    {rr::afsdb, "2n", false}, {rr::rt, "2n", false},
    {rr::sig, "99n*", false}, {rr::px, "2nn", false},   {rr::aaaa, "88", false},
    {rr::nxt, "n*", false},   {rr::srv, "6n", false},   {rr::naptr, "4sssn", false},
    {rr::kx, "2n", false},    {rr::dname, "n", false},  {rr::rrsig, "99n*", false},
});

constexpr unsigned octets_of(char digit) { return static_cast<unsigned>(digit - '0'); }

/// Addresses are of class IN; the other shapes are of every class.
[[nodiscard]] inline const Shape* shape_of(RrType type, RrClass cls) noexcept {
    if (type > rr::rrsig || (cls != kClassIn && (type == rr::a || type == rr::aaaa)))
        return nullptr;
    for (const Shape& s : kShapes) {
        if (s.type == type) return &s;
    }
    return nullptr;
}

}  // namespace isthmus::dns64
