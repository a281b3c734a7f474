// SPDX-License-Identifier: Apache-2.0
#include "control/logs/ipfix.h"

#include <endian.h>
#include <fixbuf/public.h>

#include <array>
#include <cstring>

#include "control/logs/whois.h"

namespace isthmus::control {

namespace {

// Identifiers of our templates; the order of kTemplates.
enum Id : std::uint16_t {
    kBinding = 256,
    kSession,
    kAddress,
    kBlock,
    kAddressesExhausted,
    kPortsExhausted,
    kQuotaSessions,
    kQuotaBindings,
    kQuotaSubscribers,
    kQuotaUser,
    kNotSent,
    kPoolHigh,
    kPoolLow,
    kBindingsHigh,
    kUserHigh,
    kSubscribersHigh,
};

constexpr std::size_t kSequenceAt = 8;  // in a message's header

using Spec = fbInfoElementSpec_t;
char* name(const char* s) { return const_cast<char*>(s); }  // libfixbuf does not write to it
Spec ie(const char* s, std::uint16_t bytes) { return {name(s), bytes, 0}; }

struct Template {
    Id id;
    std::uint16_t scopes;  // 0: data
    std::vector<Spec> specs;
};

/// RFC 8158 s4.6; element lengths of its table 1. Ports are of ICMP the identifiers.
std::vector<Template> make_templates() {
    const Spec time = ie("observationTimeMilliseconds", 8), event = ie("natEvent", 1),
               x = ie("sourceIPv6Address", 16), t = ie("postNATSourceIPv4Address", 4),
               protocol = ie("protocolIdentifier", 1), x_id = ie("sourceTransportPort", 2),
               t_id = ie("postNAPTSourceTransportPort", 2), quota = ie("natQuotaExceededEvent", 4),
               threshold = ie("natThresholdEvent", 4), pool = ie("natPoolId", 4);
    return {
        {kBinding, 0, {time, event, x, t, protocol, x_id, t_id}},
        {kSession,
         0,
         {time, event, x, t, protocol, x_id, t_id, ie("postNATDestinationIPv4Address", 4),
          ie("postNAPTDestinationTransportPort", 2)}},
        {kAddress, 0, {time, event, x, t}},
        {kBlock, 0, {time, event, x, t, ie("portRangeStart", 2), ie("portRangeEnd", 2)}},
        {kAddressesExhausted, 0, {time, event, pool}},
        {kPortsExhausted, 0, {time, event, t, protocol}},
        {kQuotaSessions, 0, {time, event, quota, ie("maxSessionEntries", 4)}},
        {kQuotaBindings, 0, {time, event, quota, ie("maxBIBEntries", 4)}},
        {kQuotaSubscribers, 0, {time, event, quota, ie("maxSubscribers", 4)}},
        {kQuotaUser, 0, {time, event, quota, ie("maxEntriesPerUser", 4), x}},
        // RFC 7011 s4.3: of the first and of the last record that is missing.
        {kNotSent, 1, {ie("exportingProcessId", 4), time, time, ie("notSentFlowTotalCount", 8)}},
        {kPoolHigh, 0, {time, event, pool, threshold, ie("addressPoolHighThreshold", 4)}},
        {kPoolLow, 0, {time, event, pool, threshold, ie("addressPoolLowThreshold", 4)}},
        {kBindingsHigh, 0, {time, event, threshold, ie("addressPortMappingHighThreshold", 4)}},
        // Section 6.1.16 defines an element for a user's threshold, the template of 4.6.8.3 has the
        // gateway's: both.
        {kUserHigh,
         0,
         {time, event, threshold, ie("addressPortMappingHighThreshold", 4),
          ie("addressPortMappingPerUserHighThreshold", 4), x}},
        {kSubscribersHigh, 0, {time, event, threshold, ie("globalAddressMappingHighThreshold", 4)}},
    };
}
const std::vector<Template> kTemplates = make_templates();

/// The values of a record in host byte order, one behind the other, as the template has them.
class Values {
public:
    template <typename T>
    Values& operator<<(T v) {
        std::memcpy(bytes_.data() + size_, &v, sizeof v);
        size_ += sizeof v;
        return *this;
    }
    Values& operator<<(const Ipv6Addr& a) {
        std::memcpy(bytes_.data() + size_, a.octet.data(), a.octet.size());
        size_ += a.octet.size();
        return *this;
    }
    std::uint8_t* data() { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::array<std::uint8_t, 64> bytes_{};
    std::size_t size_ = 0;
};

/// RFC 8158 s4.4: which limit, as natQuotaExceededEvent.
Id quota_of(Drop why, std::uint32_t& event) {
    switch (why) {
        case Drop::session_table_full:
            event = 1;
            return kQuotaSessions;
        case Drop::binding_table_full:
            event = 2;
            return kQuotaBindings;
        case Drop::subscriber_table_full:
            event = 4;
            return kQuotaSubscribers;
        default:
            event = 3;
            return kQuotaUser;
    }
}

std::uint8_t number_of(Proto p) { return p == Proto::tcp ? 6 : p == Proto::udp ? 17 : 1; }

Id values_of(const api::Event& e, Values& v) {
    v << std::uint64_t{e.unix_ns / 1'000'000} << info_of(e.kind).nat_event;
    switch (e.kind) {
        case EventKind::binding_created:
        case EventKind::binding_removed:
            v << e.x << e.t.host() << number_of(e.proto) << e.x_id << e.t_id;
            return kBinding;
        case EventKind::session_created:
        case EventKind::session_removed:
            v << e.x << e.t.host() << number_of(e.proto) << e.x_id << e.t_id << e.z.host()
              << e.z_id;
            return kSession;
        case EventKind::address_bound:
        case EventKind::address_freed:
            v << e.x << e.t.host();
            return kAddress;
        case EventKind::block_created:
        case EventKind::block_removed:
            v << e.x << e.t.host() << e.t_id << e.t_last;
            return kBlock;
        case EventKind::addresses_exhausted:
            v << std::uint32_t{e.group};
            return kAddressesExhausted;
        case EventKind::ports_exhausted:
            v << e.t.host() << number_of(e.proto);
            return kPortsExhausted;
        case EventKind::threshold_reached:
            v << std::uint32_t{4} << e.limit << e.limit << e.x;
            return kUserHigh;
        case EventKind::packet_refused:
        case EventKind::quota_exceeded:
        case EventKind::count_:
            break;
    }
    std::uint32_t event = 0;
    const Id id = quota_of(e.why, event);
    v << event << e.limit;
    if (id == kQuotaUser) v << e.x;
    return id;
}

/// RFC 8158 table 4, of the thresholds that control looks after (thresholds.h).
Id values_of(const Note& n, Values& v) {
    struct Threshold {
        const char* name;
        Id id;
        std::uint32_t event;
    };
    static constexpr std::array kThresholds{Threshold{"pool_high", kPoolHigh, 1},
                                            Threshold{"pool_low", kPoolLow, 2},
                                            Threshold{"bindings_high", kBindingsHigh, 3},
                                            Threshold{"subscribers_high", kSubscribersHigh, 5}};
    const auto number = [&](const char* name) {
        return static_cast<std::uint32_t>(n.fields.value(name, 0U));
    };
    const std::string which = n.fields.value("threshold", "");
    for (const Threshold& t : kThresholds) {
        if (which != t.name) continue;
        v << std::uint64_t{n.unix_ns / 1'000'000}
          << info_of(EventKind::threshold_reached).nat_event;
        if (t.id == kPoolHigh || t.id == kPoolLow) v << number("pool_id");
        v << t.event << number("limit");
        return t.id;
    }
    return kNotSent;
}

Error error_of(GError* e, const char* doing) {
    const std::string why = e != nullptr && e->message != nullptr ? e->message : "unknown";
    g_clear_error(&e);
    return Error{"ipfix", std::string(doing) + ": " + why};
}

}  // namespace

struct IpfixEncoder::Impl {
    NotSent not_sent;
    fbInfoModel_t* model = fbInfoModelAlloc();
    fbSession_t* session = nullptr;
    fBuf_t* buffer = nullptr;
    fbExporter_t* exporter = nullptr;  // the buffer's
    std::vector<std::uint8_t> message;
    std::string trouble;
    bool holds_any = false;
    std::uint32_t appended = 0;  // data records, by this encoder
    std::uint32_t base = 0;      // and before it

    Impl(std::uint32_t domain, std::size_t bytes) : message(bytes) {
        session = fbSessionAlloc(model);
        fbSessionSetDomain(session, domain);
        for (const Template& t : kTemplates) define(t);
        exporter =
            fbExporterAllocBuffer(message.data(), static_cast<std::uint16_t>(message.size()));
        buffer = fBufAllocForExport(session, exporter);
        fBufSetAutomaticMode(buffer, FALSE);
    }
    ~Impl() {
        if (buffer != nullptr) fBufFree(buffer);  // frees the session and the exporter too
        fbInfoModelFree(model);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void define(const Template& t) {
        GError* e = nullptr;
        for (const gboolean internal : {gboolean{1}, gboolean{0}}) {
            fbTemplate_t* made = fbTemplateAlloc(model);
            for (Spec s : t.specs) {
                if (fbTemplateAppendSpec(made, &s, 0, &e)) continue;
                trouble = error_of(e, "template").text();
                e = nullptr;
            }
            if (t.scopes != 0) fbTemplateSetOptionsScope(made, t.scopes);
            if (fbSessionAddTemplate(session, internal, t.id, made, &e) == 0) {
                trouble = error_of(e, "template").text();
                e = nullptr;
            }
        }
    }

    /// What is in the buffer leaves as a message.
    Status emit(const Send& send) {
        GError* e = nullptr;
        if (!fBufEmit(buffer, &e)) return error_of(e, "message");
        holds_any = false;
        std::string out(reinterpret_cast<const char*>(message.data()),
                        fbExporterGetMsgLen(exporter));
        // libfixbuf counts the records of this encoder.
        std::uint32_t sequence = 0;
        std::memcpy(&sequence, out.data() + kSequenceAt, sizeof sequence);
        sequence = htobe32(be32toh(sequence) + base);
        std::memcpy(out.data() + kSequenceAt, &sequence, sizeof sequence);
        return send(out);
    }

    /// A message holds templates, or options templates, or data: libfixbuf says when it is over.
    Status append_template(Id id, const Send& send) {
        for (unsigned attempt = 0;; attempt++) {
            GError* e = nullptr;
            if (fbSessionExportTemplate(session, id, &e)) break;
            const bool over = g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_EOM) != 0;
            if (!over || attempt == 1) return error_of(e, "templates");
            g_clear_error(&e);
            if (!holds_any) continue;
            if (const Status sent = emit(send); !sent) return sent.error();
        }
        holds_any = true;
        return Done{};
    }

    Status append(Id id, Values& v, const Send& send) {
        for (unsigned attempt = 0; attempt < 2; attempt++) {
            GError* e = nullptr;
            const bool set =
                fBufSetInternalTemplate(buffer, id, &e) && fBufSetExportTemplate(buffer, id, &e);
            if (set && fBufAppend(buffer, v.data(), v.size(), &e)) {
                holds_any = true;
                appended++;
                return Done{};
            }
            const bool full = g_error_matches(e, FB_ERROR_DOMAIN, FB_ERROR_EOM) != 0;
            if (!full || attempt == 1) return error_of(e, "record");
            g_clear_error(&e);
            if (!holds_any) continue;
            if (const Status sent = emit(send); !sent) return sent.error();
        }
        return Done{};
    }
};

IpfixEncoder::IpfixEncoder(std::uint32_t domain, std::size_t message_bytes)
    : impl_(std::make_unique<Impl>(domain, message_bytes)) {}

IpfixEncoder::~IpfixEncoder() = default;

std::size_t IpfixEncoder::message_bytes() const { return impl_->message.size(); }
std::uint32_t IpfixEncoder::sequence() const { return impl_->base + impl_->appended; }
void IpfixEncoder::set_sequence(std::uint32_t n) { impl_->base = n - impl_->appended; }
const IpfixEncoder::NotSent& IpfixEncoder::not_sent() const { return impl_->not_sent; }
void IpfixEncoder::set_not_sent(const NotSent& n) { impl_->not_sent = n; }

Status IpfixEncoder::templates(const Send& send) {
    if (!impl_->trouble.empty()) return Error{"", impl_->trouble};
    if (const Status sent = flush(send); !sent) return sent.error();
    for (const Template& t : kTemplates) {
        if (const Status done = impl_->append_template(t.id, send); !done) return done.error();
    }
    return impl_->emit(send);
}

Status IpfixEncoder::add(const LogRecord& r, const Send& send) {
    Values v;
    if (const api::Event* e = event_of(r)) {
        if (info_of(e->kind).nat_event == 0) return Done{};  // RFC 8158 has no such event
        const Id id = values_of(*e, v);
        return impl_->append(id, v, send);
    }
    const Note& n = *note_of(r);
    if (n.kind == info_of(EventKind::threshold_reached).name) {
        const Id id = values_of(n, v);
        return id == kNotSent ? Status(Done{}) : impl_->append(id, v, send);
    }
    NotSent& sum = impl_->not_sent;
    const auto lost = n.fields.value("lost", api::Json());
    if (n.kind == "gap" && lost.is_number_unsigned()) {
        const auto time = [&](const char* name) {
            return unix_ns_of(n.fields.value(name, "")).value_or(n.unix_ns) / 1'000'000;
        };
        if (sum.records == 0) sum.first_ms = time("after");
        sum.last_ms = time("before");
        sum.records += lost.get<std::uint64_t>();
    } else if (n.kind != "mark" || sum.records == 0) {
        return Done{};
    }
    v << std::uint32_t{1} << sum.first_ms << sum.last_ms << sum.records;
    return impl_->append(kNotSent, v, send);
}

Status IpfixEncoder::flush(const Send& send) {
    return impl_->holds_any ? impl_->emit(send) : Status(Done{});
}

Ipfix::Ipfix(const config::LogOutlet& to)
    : wire_(to),
      domain_(to.domain),
      template_ns_(to.template_seconds * static_cast<std::int64_t>(kNanosPerSecond)) {}

/// A connection, and the templates of it: over UDP again when it is time (RFC 7011 s8.4).
Status Ipfix::begin() {
    if (const Status open = wire_.open(); !open) return open.error();
    const auto send = [this](const std::string& m) { return wire_.send(m); };
    const std::int64_t now = steady_now_ns();
    const bool stream = wire_.is_stream(), fresh = connection_ != wire_.connections();
    if (fresh) {
        connection_ = wire_.connections();
        const std::size_t bytes = stream ? 8192 : wire_.datagram_bytes();
        // Over UDP the count of records goes on when the collector has been away for a while.
        if (!encoder_ || stream || encoder_->message_bytes() != bytes) {
            auto next = std::make_unique<IpfixEncoder>(domain_, bytes);
            if (encoder_ && !stream) next->set_sequence(encoder_->sequence());
            encoder_ = std::move(next);
        }
    }
    if (!fresh && (stream || now - templates_ns_ < template_ns_)) return Done{};
    templates_ns_ = now;
    // Datagrams may be lost, and what comes without its template with them: at first two copies.
    for (int copies = fresh && !stream ? 2 : 1; copies > 0; copies--) {
        if (Status sent = encoder_->templates(send); !sent) return sent;
    }
    return Done{};
}

Status Ipfix::deliver(const LogBatch& batch) {
    if (const Status ready = begin(); !ready) return ready.error();
    encoder_->set_not_sent(not_sent_);  // a batch that comes again counts once
    const auto send = [this](const std::string& m) { return wire_.send(m); };
    for (const LogRecord& r : batch.records) {
        if (const Status added = encoder_->add(r, send); !added) return added.error();
    }
    if (const Status sent = encoder_->flush(send); !sent) return sent.error();
    if (Status got = wire_.flush(); !got) return got;
    not_sent_ = encoder_->not_sent();
    return Done{};
}

}  // namespace isthmus::control
