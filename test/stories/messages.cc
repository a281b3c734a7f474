// SPDX-License-Identifier: Apache-2.0
#include "test/stories/messages.h"

#include <cstdlib>
#include <stdexcept>

namespace stories {

namespace {

using RecordPtr = std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)>;

std::string taken(char* text) {
    std::string out = text == nullptr ? "" : text;
    std::free(text);
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
    return out;
}

RecordPtr record(const std::string& text) {
    ldns_rr* rr = nullptr;
    const ldns_status s = ldns_rr_new_frm_str(&rr, text.c_str(), 0, nullptr, nullptr);
    if (s != LDNS_STATUS_OK) fail("record \"" + text + "\": " + ldns_get_errorstr_by_id(s));
    return {rr, ldns_rr_free};
}

Octets wire_of(const ldns_pkt& p) {
    std::uint8_t* bytes = nullptr;
    std::size_t n = 0;
    if (ldns_pkt2wire(&bytes, &p, &n) != LDNS_STATUS_OK) fail("ldns cannot write the message");
    Octets out(bytes, bytes + n);
    std::free(bytes);
    return out;
}

PacketPtr packet(const std::string& name, RrType type, RrClass cls) {
    PacketPtr p(ldns_pkt_new(), ldns_pkt_free);
    ldns_rdf* owner = ldns_dname_new_frm_str(name.c_str());
    if (owner == nullptr) fail("name " + name);
    ldns_rr* q = ldns_rr_new();
    ldns_rr_set_question(q, true);
    ldns_rr_set_owner(q, owner);
    ldns_rr_set_type(q, static_cast<ldns_rr_type>(type));
    ldns_rr_set_class(q, static_cast<ldns_rr_class>(cls));
    ldns_pkt_push_rr(p.get(), LDNS_SECTION_QUESTION, q);
    return p;
}

}  // namespace

void fail(const std::string& what) { throw std::runtime_error(what); }

std::string record_text(const ldns_rr* rr) { return taken(ldns_rr2str(rr)); }

std::string canonical(const std::string& text) { return record_text(record(text).get()); }

RrType type_named(const std::string& text) {
    const auto t = type_of(text);
    if (!t) fail("type " + text);
    return *t;
}

RrClass class_named(const std::string& text) {
    return static_cast<RrClass>(ldns_get_rr_class_by_name(text.c_str()));
}

Octets query_of(const Question& q) {
    PacketPtr p = packet(q.name, q.type, q.cls);
    ldns_pkt_set_id(p.get(), kId);
    ldns_pkt_set_rd(p.get(), !q.flags.contains("nord"));
    ldns_pkt_set_cd(p.get(), q.flags.contains("cd"));
    ldns_pkt_set_ad(p.get(), q.flags.contains("ad"));
    if (!q.flags.contains("noedns")) {
        ldns_pkt_set_edns_udp_size(p.get(), static_cast<std::uint16_t>(q.size));
        ldns_pkt_set_edns_do(p.get(), q.flags.contains("do"));
    }
    return wire_of(*p);
}

Octets answer_of(const Said& s, const Ask& ask) {
    PacketPtr p = packet(name_text(ask.name), ask.type, ask.cls);
    ldns_pkt_set_qr(p.get(), true);
    ldns_pkt_set_rd(p.get(), true);
    ldns_pkt_set_ra(p.get(), s.flags.contains("ra"));
    ldns_pkt_set_aa(p.get(), s.flags.contains("aa"));
    ldns_pkt_set_ad(p.get(), s.flags.contains("ad"));
    ldns_pkt_set_tc(p.get(), s.flags.contains("tc"));
    const auto rcode = rcode_of(s.result);
    if (!rcode) fail("result " + s.result);
    ldns_pkt_set_rcode(p.get(), static_cast<std::uint8_t>(*rcode));
    for (int i = 0; i < 3; i++) {
        for (const std::string& text : s.records.of[i])
            ldns_pkt_push_rr(p.get(), static_cast<ldns_pkt_section>(LDNS_SECTION_ANSWER + i),
                             record(text).release());
    }
    ldns_pkt_set_edns_udp_size(p.get(), 4096);
    ldns_pkt_set_edns_do(p.get(), true);
    return wire_of(*p);
}

}  // namespace stories
