// SPDX-License-Identifier: Apache-2.0
// Our reader against ldns: what both accept they must read alike, record by record. Messages of the
// fuzzer's corpus, as they are and spoilt in a fixed order.
#include <ldns/ldns.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dns64/wire.h"

using namespace isthmus::dns64;

namespace {

using Octets = std::vector<std::uint8_t>;
using PacketPtr = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

std::vector<Octets> corpus() {
    std::vector<std::filesystem::path> files;
    for (const auto& e : std::filesystem::directory_iterator(DNS_CORPUS)) files.push_back(e.path());
    std::sort(files.begin(), files.end());
    std::vector<Octets> out;
    for (const auto& f : files) {
        std::ifstream in(f, std::ios::binary);
        const std::vector<char> raw{std::istreambuf_iterator<char>(in), {}};
        out.emplace_back(raw.begin(), raw.end());
    }
    return out;
}

PacketPtr by_ldns(const Octets& bytes) {
    ldns_pkt* p = nullptr;
    if (ldns_wire2pkt(&p, bytes.data(), bytes.size()) != LDNS_STATUS_OK) p = nullptr;
    return {p, ldns_pkt_free};
}

Octets owner_of(const ldns_rr* rr) {
    const ldns_rdf* o = ldns_rr_owner(rr);
    return {ldns_rdf_data(o), ldns_rdf_data(o) + ldns_rdf_size(o)};
}

bool same_record(const Message& m, const Record& r, const ldns_rr* rr) {
    const Name owner = m.name_at(r.owner_at);
    const Octets theirs = owner_of(rr);
    return std::equal(owner.view().begin(), owner.view().end(), theirs.begin(), theirs.end()) &&
           r.type == ldns_rr_get_type(rr) && r.cls == ldns_rr_get_class(rr) &&
           r.ttl == ldns_rr_ttl(rr);
}

/// RDATA of some old types ldns 1.8.3 reads as something else (the name in NSAP-PTR as a string)
/// and goes on in the middle of it; those of today, and unknown ones, it knows.
bool ldns_knows_types(const Message& m) {
    static constexpr RrType kOld = 255;
    static const std::set<RrType> kToday{rr::a,  rr::ns,    rr::cname, rr::soa,  rr::ptr,
                                         rr::mx, rr::txt,   rr::aaaa,  rr::srv,  rr::dname,
                                         rr::ds, rr::rrsig, rr::nsec,  rr::svcb, rr::https};
    bool good = true;
    for (const Section s : {Section::answer, Section::authority, Section::additional})
        m.each(s,
               [&](const Record& r) { good = good && (r.type > kOld || kToday.contains(r.type)); });
    return good;
}

/// Empty: they agree.
std::string difference(const Message& m, const ldns_pkt* p) {
    if (m.id() != ldns_pkt_id(p)) return "ID";
    if (m.has(flag::aa) != ldns_pkt_aa(p) || m.has(flag::tc) != ldns_pkt_tc(p)) return "flags";
    if (m.has(flag::ad) != ldns_pkt_ad(p) || m.has(flag::cd) != ldns_pkt_cd(p)) return "flags";
    const ldns_rr_list* lists[] = {ldns_pkt_answer(p), ldns_pkt_authority(p),
                                   ldns_pkt_additional(p)};
    std::string wrong;
    for (unsigned s = 0; s < 3; s++) {
        // OPT and TSIG, which ldns keeps apart at times, are no records of a section.
        std::vector<const ldns_rr*> theirs;
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(lists[s]); i++) {
            const ldns_rr* one = ldns_rr_list_rr(lists[s], i);
            const auto type = static_cast<unsigned>(ldns_rr_get_type(one));
            if (type != rr::opt && type != rr::tsig) theirs.push_back(one);
        }
        std::size_t n = 0;
        m.each(static_cast<Section>(s + 1), [&](const Record& r) {
            if (r.type == rr::tsig) return;
            if (n < theirs.size() && !same_record(m, r, theirs[n])) wrong = "record";
            n++;
        });
        if (n != theirs.size()) wrong = "number of records";
    }
    return wrong;
}

}  // namespace

TEST_CASE("what ldns and we both accept is read alike, also of 60,000 spoilt messages") {
    const std::vector<Octets> whole = corpus();
    REQUIRE(whole.size() > 20);
    std::mt19937 random(20251125);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    unsigned both = 0, ours = 0, theirs = 0;
    for (unsigned n = 0; n < 60000; n++) {
        Octets bytes = whole[n % whole.size()];
        for (std::size_t k = n < whole.size() ? 0 : 1 + below(3); k > 0 && !bytes.empty(); k--)
            bytes[below(bytes.size())] = static_cast<std::uint8_t>(below(256));
        if (n % 7 == 6 && !bytes.empty()) bytes.resize(below(bytes.size()));
        Message m;
        const bool good = Message::parse(bytes, m) == Fault::none;
        const PacketPtr p = by_ldns(bytes);
        ours += good ? 1 : 0;
        theirs += p ? 1 : 0;
        if (!good || !p || !ldns_knows_types(m)) continue;
        both++;
        const std::string wrong = difference(m, p.get());
        std::string hex;
        for (const std::uint8_t b : wrong.empty() ? Octets() : bytes) {
            hex += "0123456789abcdef"[b >> 4];
            hex += "0123456789abcdef"[b & 15];
        }
        INFO("message " << n << ": " << hex);
        REQUIRE(wrong == "");
    }
    INFO(both << " by both, " << ours << " by us, " << theirs << " by ldns");
    CHECK(both > 15000);
    // Neither is much stricter than the other.
    CHECK(both * 10 > ours * 8);
    CHECK(both * 10 > theirs * 7);
}
