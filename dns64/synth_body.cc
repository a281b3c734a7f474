// SPDX-License-Identifier: Apache-2.0
// What the answer looks like once it is decided.
#include <algorithm>
#include <set>
#include <string_view>

#include "dns64/chain.h"
#include "dns64/local.h"
#include "dns64/synth.h"

namespace isthmus::dns64 {

namespace {

constexpr std::uint32_t kTtlWithoutSoa = 600;           // seconds, RFC 6147 s5.1.7
constexpr std::uint32_t kReverseTtl = 600;              // seconds, of our CNAMEs
constexpr std::uint32_t kNegativeMost = 10800;          // seconds, RFC 2308 s5
constexpr std::uint32_t kMinimalAnyTtl = 3600;          // seconds, at most
constexpr unsigned kAddressesMost = kMessageMost / 16;  // an A record takes 16 octets or more

bool is_dnssec_only(RrType t) noexcept { return t == rr::rrsig || t == rr::nsec || t == rr::nsec3; }
bool is_of_message(RrType t) noexcept { return t == rr::tsig || t == rr::sig || t == rr::tkey; }

/// Which IPv4 addresses have been seen: equal records are written once (RFC 2181 s5). Few are
/// compared one by one; a table is made for the rare answer that has many.
class Seen {
public:
    /// False: seen before.
    bool add(Ipv4Addr a) {
        if (n_ < kFew) {
            for (unsigned i = 0; i < n_; i++) {
                if (few_[i] == a) return false;
            }
            few_[n_++] = a;
            return true;
        }
        if (slots_.empty()) {
            slots_.resize(kSlots);
            for (const Ipv4Addr f : few_) (void)insert(f);
        }
        return insert(a);
    }

private:
    static constexpr unsigned kFew = 32;
    static constexpr std::size_t kSlots = 8192;
    static_assert(kSlots > kAddressesMost);

    bool insert(Ipv4Addr a) {
        for (std::size_t i = (a.host() * 0x9e3779b1U) % kSlots;; i = (i + 1) % kSlots) {
            if (slots_[i] == 0) {
                slots_[i] = (std::uint64_t{1} << 32) | a.host();
                return true;
            }
            if (static_cast<std::uint32_t>(slots_[i]) == a.host()) return false;
        }
    }
    unsigned n_ = 0;
    std::array<Ipv4Addr, kFew> few_{};
    std::vector<std::uint64_t> slots_;
};

}  // namespace

class BodyWriter {
public:
    BodyWriter(const Resolution& r, std::span<std::uint8_t> out) noexcept : r_(r), w_(out) {}

    Rcode write() noexcept {
        const Resolution::Lookup& main = r_.lookups_[Resolution::kMain];
        const Resolution::Lookup& a = r_.lookups_[Resolution::kA];
        switch (r_.why_) {
            case Why::synthesized:
            case Why::synthesized_after_failure:
            case Why::synthesized_ignoring_aaaa:
                return synthetic(main, a);
            case Why::a_nxdomain:
                return upstream(a, Data::none, Rcode::nxdomain);
            case Why::bogus:
            case Why::chain_too_long:
            case Why::failed:
            case Why::a_failed:
                return failure(Rcode::servfail);
            case Why::plain_failed:
                return failure(main.rcode == Rcode::yxdomain ? main.rcode : Rcode::servfail);
            case Why::ptr_cname:
                return reverse(main);
            case Why::ptr_no_target:
                return no_reverse(main);
            case Why::any_minimal:
                return minimal_any(main);
            case Why::not_in_class:
                return unchanged(main);
            default:
                break;
        }
        if (r_.plan_ == Resolution::Plan::local) return local();
        const Rcode rcode =
            main.state == Resolution::State::nxdomain ? Rcode::nxdomain : Rcode::noerror;
        const bool drop_data = r_.qtype_ == rr::aaaa && r_.usable_aaaa() == 0;
        return upstream(main, drop_data ? Data::none : Data::all, rcode);
    }
    [[nodiscard]] bool ok() const noexcept { return w_.ok(); }
    [[nodiscard]] std::size_t size() const noexcept { return w_.size(); }

    Rcode failure(Rcode rcode) noexcept {
        w_.rewind(0);
        begin(rcode, 0);
        w_.question(r_.qname_, r_.qtype_, r_.qclass_);
        return rcode;
    }

private:
    using Lookup = Resolution::Lookup;
    enum class Data : std::uint8_t { all, none };

    void begin(Rcode rcode, unsigned flags) noexcept {
        w_.header(0, static_cast<std::uint16_t>(flag::qr | flag::rd | flag::ra | flags |
                                                static_cast<unsigned>(rcode)));
    }
    [[nodiscard]] std::uint32_t ttl_of(std::uint32_t ttl, const Lookup& l) const noexcept {
        return l.stale ? r_.policy_.settings.stale_ttl : capped_ttl(ttl);
    }
    [[nodiscard]] bool is_wanted(RrType t) const noexcept {
        if (is_of_message(t) && t != r_.qtype_) return false;
        return r_.do_ || !is_dnssec_only(t) || t == r_.qtype_ || r_.qtype_ == rr::any;
    }
    void put(Section s, const Message& m, const Record& rec, NameView owner,
             const Lookup& l) noexcept {
        w_.copy(m, rec, owner, ttl_of(rec.ttl, l));
        w_.count(s);
    }
    /// Signatures over `type` at `owner`, for who asked for them.
    void signatures(const Message& m, NameView owner, RrType type, const Lookup& l) noexcept {
        if (!r_.do_) return;
        m.each(Section::answer, [&](const Record& rec) {
            if (rec.type == rr::rrsig && m.u16(rec.rdata_at) == type &&
                m.name_is(rec.owner_at, owner))
                put(Section::answer, m, rec, owner, l);
        });
    }
    template <typename Fn>
    static void each_message(const Lookup& l, Fn&& fn) noexcept {
        for (std::size_t at = 0; at < l.kept.size();) {
            const std::size_t len = (std::size_t{l.kept[at]} << 8) | l.kept[at + 1];
            Message m;
            if (Message::parse({&l.kept[at + 2], len}, m) == Fault::none) fn(m);
            at += 2 + len;
        }
    }

    /// CNAME and DNAME records from the start of a lookup to its end.
    void chain(const Lookup& l) noexcept {
        Name at = l.start;
        unsigned links = 0;
        each_message(l, [&](const Message& m) {
            (void)follow(m, l.type, at, links, [&](const Link& link) {
                if (link.record == nullptr) {
                    cname(link.owner, link.target, ttl_of(link.ttl, l));
                } else {
                    put(Section::answer, m, *link.record, link.owner, l);
                    signatures(m, link.owner, link.record->type, l);
                }
            });
        });
    }
    void cname(NameView owner, NameView target, std::uint32_t ttl) noexcept {
        const std::size_t mark = w_.begin_record(owner, rr::cname, kClassIn, ttl);
        w_.name(target);
        w_.end_record(mark);
        w_.count(Section::answer);
    }
    /// Authority and additional of the last answer. Of SOAs one: a second is another zone's.
    void rest(const Message& m, const Lookup& l) noexcept {
        bool soa = false;
        m.each(Section::authority, [&](const Record& rec) {
            if (!is_wanted(rec.type) || (rec.type == rr::soa && soa)) return;
            soa = soa || rec.type == rr::soa;
            put(Section::authority, m, rec, m.name_at(rec.owner_at), l);
        });
        m.each(Section::additional, [&](const Record& rec) {
            if (is_wanted(rec.type)) put(Section::additional, m, rec, m.name_at(rec.owner_at), l);
        });
    }

    Rcode upstream(const Lookup& l, Data data, Rcode rcode) noexcept {
        Message last;
        if (!Resolution::last_message(l, last)) return failure(Rcode::servfail);
        bool filtered = false;
        if (r_.filter_aaaa_ && l.type == rr::aaaa) {
            r_.each_at_end(l, [&](const Message& m, const Record& rec) {
                filtered |= rec.type == rr::aaaa && r_.view_.is_excluded(ipv6_of(m, rec));
            });
            filtered |= data == Data::none && l.state == Resolution::State::data;
        }
        begin(rcode, l.secure && !filtered && l.type == r_.qtype_ ? flag::ad : 0U);
        w_.question(r_.qname_, r_.qtype_, r_.qclass_);
        chain(l);
        if (data == Data::all) records(last, l, filtered);
        rest(last, l);
        return rcode;
    }

    void records(const Message& m, const Lookup& l, bool filtered) noexcept {
        std::set<std::pair<RrType, std::string_view>> written;  // equal ones once (RFC 2181 s5)
        r_.each_at_end(l, [&](const Message&, const Record& rec) {
            if (filtered && rec.type == rr::aaaa && r_.view_.is_excluded(ipv6_of(m, rec))) return;
            if (rec.type != l.type && (l.type != rr::any || !is_wanted(rec.type))) return;
            const Bytes data = m.rdata(rec);
            const auto* text = reinterpret_cast<const char*>(data.data());
            if (written.emplace(rec.type, std::string_view(text, data.size())).second)
                put(Section::answer, m, rec, l.end, l);
        });
        if (!filtered && l.type != rr::any && l.type != rr::rrsig) signatures(m, l.end, l.type, l);
    }

    Rcode synthetic(const Lookup& main, const Lookup& a) noexcept {
        Message last;
        if (!Resolution::last_message(a, last)) return failure(Rcode::servfail);
        // Only a client that speaks DNSSEC is told that both answers were secure (RFC 6147 s5.5).
        const bool secure =
            r_.do_ && a.secure && main.secure && main.state == Resolution::State::nodata;
        begin(Rcode::noerror, secure ? flag::ad : 0U);
        w_.question(r_.qname_, rr::aaaa, kClassIn);
        chain(a);
        std::uint32_t ttl = main.has_soa ? main.negative_ttl : kTtlWithoutSoa;
        if (main.stale) ttl = std::min(ttl, r_.policy_.settings.stale_ttl);
        r_.each_at_end(a, [&](const Message&, const Record& rec) {
            if (rec.type == rr::a) ttl = std::min(ttl, ttl_of(rec.ttl, a));
        });
        // By preference of the prefixes: all addresses of the first, then all of the second.
        const unsigned prefixes = addresses(a, 0, ttl);
        for (unsigned k = 1; k < prefixes; k++) (void)addresses(a, k, ttl);
        rest(last, a);
        return Rcode::noerror;
    }

    /// The k-th synthetic address of each A record. Returns how many the richest of them has.
    unsigned addresses(const Lookup& a, unsigned k, std::uint32_t ttl) {
        unsigned most = 0;
        Seen seen;
        r_.each_at_end(a, [&](const Message& m, const Record& rec) {
            if (rec.type != rr::a || !seen.add(ipv4_of(m, rec))) return;
            const Mapped out = r_.policy_.map(r_.view_, ipv4_of(m, rec));
            most = std::max(most, out.n);
            if (k >= out.n) return;
            const std::size_t mark = w_.begin_record(a.end, rr::aaaa, kClassIn, ttl);
            w_.bytes(out.addrs[k].octet);
            w_.end_record(mark);
            w_.count(Section::answer);
        });
        return most;
    }

    Rcode local() noexcept {
        const LocalAnswer what =
            local_answer(r_.policy_, r_.view_, r_.qname_, r_.qtype_, !r_.plain_client_);
        begin(rcode_of(what), flag::aa);
        write_local(w_, what, r_.policy_, r_.view_, {r_.qname_, r_.qtype_});
        return rcode_of(what);
    }

    Rcode reverse(const Lookup& l) noexcept {
        Message last;
        if (!Resolution::last_message(l, last)) return failure(Rcode::servfail);
        begin(Rcode::noerror, 0);
        w_.question(r_.qname_, r_.qtype_, kClassIn);
        std::uint32_t ttl = kReverseTtl;
        const bool data = l.state == Resolution::State::data;
        if (data) {
            r_.each_at_end(l, [&](const Message&, const Record& rec) {
                if (rec.type == l.type) ttl = std::min(ttl, ttl_of(rec.ttl, l));
            });
        } else if (l.has_soa) {
            ttl = std::min(ttl, l.negative_ttl);
        }
        // A target that is a CNAME itself (RFC 2317) is skipped: ours points at the chain's end.
        cname(r_.qname_, l.end, ttl);
        if (data && r_.qtype_ != rr::cname) records(last, l, false);
        if (r_.qtype_ != rr::cname) rest(last, l);
        return Rcode::noerror;
    }

    Rcode no_reverse(const Lookup& l) noexcept {
        const Rcode rcode =
            l.state == Resolution::State::nxdomain ? Rcode::nxdomain : Rcode::noerror;
        begin(rcode, 0);
        w_.question(r_.qname_, r_.qtype_, kClassIn);
        // The target's SOA is of another tree; a resolver behind us would not take it.
        if (l.has_soa)
            write_local_soa(w_, reverse_of(r_.policy_, r_.qname_).zone,
                            std::min(kReverseTtl, l.negative_ttl));
        return rcode;
    }

    Rcode minimal_any(const Lookup& l) noexcept {
        begin(Rcode::noerror, 0);
        w_.question(r_.qname_, rr::any, kClassIn);
        std::uint32_t ttl = kMinimalAnyTtl;
        r_.each_at_end(
            l, [&](const Message&, const Record& rec) { ttl = std::min(ttl, ttl_of(rec.ttl, l)); });
        const std::size_t mark = w_.begin_record(r_.qname_, rr::hinfo, kClassIn, ttl);
        constexpr std::string_view kCpu = "RFC8482";
        w_.u8(kCpu.size());
        for (const char c : kCpu) w_.u8(static_cast<std::uint8_t>(c));
        w_.u8(0);
        w_.end_record(mark);
        w_.count(Section::answer);
        return Rcode::noerror;
    }

    /// Another class: record by record as it came.
    Rcode unchanged(const Lookup& l) noexcept {
        Message m;
        if (!Resolution::last_message(l, m)) return failure(Rcode::servfail);
        const auto rcode = static_cast<Rcode>(static_cast<unsigned>(m.rcode()) & flag::rcode_mask);
        begin(rcode, l.secure ? flag::ad : 0U);
        w_.question(r_.qname_, r_.qtype_, r_.qclass_);
        for (const Section s : {Section::answer, Section::authority, Section::additional}) {
            m.each(s, [&](const Record& rec) {
                if (is_wanted(rec.type)) put(s, m, rec, m.name_at(rec.owner_at), l);
            });
        }
        return rcode;
    }

    const Resolution& r_;
    Writer w_;
};

Answer Resolution::finish(std::span<std::uint8_t> out) const {
    Answer answer;
    answer.why = why_;
    BodyWriter body(*this, out);
    answer.rcode = body.write();
    if (!body.ok()) {  // synthesis may grow an answer beyond what a message can hold
        answer.why = Why::a_failed;
        answer.rcode = body.failure(Rcode::servfail);
    }
    answer.size = body.size();
    for (const Lookup& l : lookups_) answer.stale = answer.stale || l.stale;
    Message m;
    const bool usable = answer.rcode == Rcode::noerror || answer.rcode == Rcode::nxdomain;
    if (usable && !answer.stale && Message::parse(out.first(answer.size), m) == Fault::none) {
        settle_ttls(out, m);
        answer.ttl = lifetime(m, qtype_, kNegativeMost);
    }
    set_ede(answer);
    return answer;
}

void Resolution::set_ede(Answer& answer) const noexcept {
    const config::EdeMode mode = policy_.settings.ede;
    if (mode == config::EdeMode::off) return;
    const WhyInfo& info = info_of(answer.why);
    answer.ede = info.ede;
    if (answer.stale)
        answer.ede = answer.rcode == Rcode::nxdomain ? Ede::stale_nxdomain : Ede::stale_answer;
    const bool about_aaaa = qtype_ == rr::aaaa && plan_ != Plan::local && why_ != Why::has_aaaa;
    if (mode == config::EdeMode::all && answer.ede == Ede::none && about_aaaa)
        answer.ede = Ede::other;
    if (answer.ede != Ede::none && mode == config::EdeMode::all) answer.ede_text = info.name;
}

}  // namespace isthmus::dns64
