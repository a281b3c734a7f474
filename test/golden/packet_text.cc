// SPDX-License-Identifier: Apache-2.0
#include "test/golden/packet_text.h"

#include <algorithm>
#include <sstream>

namespace golden {

namespace {

using packets::get16;
using packets::put16;
using packets::operator+;

/// The words of one layer: positions first, then key=value and flags.
class Layer {
public:
    Layer(Words words, const Variables& known) : words_(std::move(words)), known_(known) {
        if (words_.empty()) throw Fault("an empty layer");
    }
    [[nodiscard]] const std::string& kind() const { return words_[0]; }
    [[nodiscard]] const std::string& word(std::size_t i) const {
        if (i >= words_.size()) throw Fault(words_[0] + ": too few words");
        return words_[i];
    }
    [[nodiscard]] bool flag(const std::string& name) const {
        return std::find(words_.begin() + 1, words_.end(), name) != words_.end();
    }
    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const {
        for (const auto& w : words_) {
            if (w.rfind(key + "=", 0) == 0) return w.substr(key.size() + 1);
        }
        return otherwise;
    }
    [[nodiscard]] bool has(const std::string& key) const { return !text(key, "").empty(); }
    [[nodiscard]] unsigned value(const std::string& key, unsigned long otherwise) const {
        return static_cast<unsigned>(number(text(key, std::to_string(otherwise))));
    }
    /// Sixteen bits that may be a variable.
    void put(Built& out, std::size_t at, const std::string& text) const {
        if (text == "any" || (text[0] == '$' && known_.count(text) == 0)) {
            out.holes.push_back({at, text});
            return;
        }
        put16(out.bytes, at,
              text[0] == '$' ? known_.at(text) : static_cast<unsigned>(number(text)));
    }
    /// Every word must have been meant for this layer.
    void only(const std::vector<std::string>& keys, std::size_t from) const {
        for (std::size_t i = from; i < words_.size(); i++) {
            const std::string key = words_[i].substr(0, words_[i].find('='));
            if (std::find(keys.begin(), keys.end(), key) == keys.end())
                throw Fault(words_[0] + ": what is \"" + words_[i] + "\"?");
        }
    }

private:
    Words words_;
    const Variables& known_;
};

void put32(Bytes& b, std::size_t at, unsigned long v) {
    put16(b, at, static_cast<unsigned>((v >> 16) & 0xffff));
    put16(b, at + 2, static_cast<unsigned>(v & 0xffff));
}

/// `head` before `rest`; what is known of the rest moves with it.
Built prepend(Built head, const Built& rest) {
    const std::size_t n = head.bytes.size();
    head.bytes = head.bytes + rest.bytes;
    for (const Hole& h : rest.holes) head.holes.push_back({h.at + n, h.name});
    head.transport = rest.transport;
    head.transport_at = rest.transport_at + n;
    head.sum = rest.sum;
    return head;
}

Built transport(Built head, const Layer& l, const Built& rest, unsigned protocol) {
    head = prepend(std::move(head), rest);
    head.protocol = head.transport = protocol;
    head.transport_at = 0;
    head.sum = l.text("sum", "");
    return head;
}

Built udp(const Layer& l, const Built& rest) {
    l.only({"len", "sum"}, 4);
    Built head;
    head.bytes.resize(8);
    l.put(head, 0, l.word(1));
    l.put(head, 2, l.word(3));
    put16(head.bytes, 4, l.value("len", 8 + rest.bytes.size()));
    return transport(std::move(head), l, rest, 17);
}

Built tcp(const Layer& l, const Built& rest) {
    l.only({"flags", "options", "sum", "offset"}, 4);
    const Bytes options = hex(l.text("options", ""));
    Built head;
    head.bytes.resize(20);
    l.put(head, 0, l.word(1));
    l.put(head, 2, l.word(3));
    head.bytes[7] = 1;
    head.bytes[12] = static_cast<std::uint8_t>(l.value("offset", 5 + options.size() / 4) << 4);
    const std::string names = "FSRPAU";
    for (const char c : l.text("flags", "A"))
        head.bytes[13] = static_cast<std::uint8_t>(head.bytes[13] | (1U << names.find(c)));
    put16(head.bytes, 14, 65000);
    head.bytes = head.bytes + options;
    return transport(std::move(head), l, rest, 6);
}

Built icmp(const Layer& l, const Built& rest, bool v6) {
    l.only({"rest", "id", "seq", "mtu", "pointer", "length", "sum"}, 3);
    Built head;
    head.bytes.resize(8);
    head.bytes[0] = static_cast<std::uint8_t>(number(l.word(1)));
    head.bytes[1] = static_cast<std::uint8_t>(number(l.word(2)));
    if (l.has("rest")) put32(head.bytes, 4, number(l.text("rest", "")));
    if (l.has("id")) l.put(head, 4, l.text("id", ""));
    if (l.has("seq")) l.put(head, 6, l.text("seq", ""));
    if (l.has("mtu")) put32(head.bytes, 4, l.value("mtu", 0));
    if (l.has("pointer") && v6) put32(head.bytes, 4, l.value("pointer", 0));
    if (l.has("pointer") && !v6) head.bytes[4] = static_cast<std::uint8_t>(l.value("pointer", 0));
    if (l.has("length")) head.bytes[v6 ? 4 : 5] = static_cast<std::uint8_t>(l.value("length", 0));
    return transport(std::move(head), l, rest, v6 ? 58 : 1);
}

Built extension(const Layer& l, const Built& rest, unsigned protocol) {
    l.only({"bytes", "left", "next"}, 1);
    Built head;
    head.bytes.resize(l.value("bytes", 8));
    head.bytes[0] = static_cast<std::uint8_t>(l.value("next", rest.protocol));
    head.bytes[1] = static_cast<std::uint8_t>(head.bytes.size() / 8 - 1);
    if (protocol == 43) {
        head.bytes[3] = static_cast<std::uint8_t>(l.value("left", 0));
    } else {
        head.bytes[2] = 1;  // PadN
        head.bytes[3] = static_cast<std::uint8_t>(head.bytes.size() - 4);
    }
    head = prepend(std::move(head), rest);
    head.protocol = protocol;
    return head;
}

Built fragment(const Layer& l, const Built& rest) {
    l.only({"id", "offset", "more", "next"}, 1);
    Built head;
    head.bytes.resize(8);
    head.bytes[0] = static_cast<std::uint8_t>(l.value("next", rest.protocol));
    put16(head.bytes, 2, l.value("offset", 0) | (l.flag("more") ? 1U : 0U));
    put32(head.bytes, 4, number(l.text("id", "0")));
    head = prepend(std::move(head), rest);
    head.protocol = 44;
    return head;
}

void finish_checksum(Built& b, std::span<const std::uint8_t> addresses, bool v6) {
    if (b.transport == 0) return;
    const std::size_t at = b.transport_at;
    const std::span<const std::uint8_t> l4{b.bytes.data() + at, b.bytes.size() - at};
    const std::size_t field = at + packets::checksum_at(b.transport);
    if (!b.sum.empty() && b.sum != "bad") {
        put16(b.bytes, field, static_cast<unsigned>(number(b.sum)));
        return;
    }
    const bool pseudo = v6 || b.transport != 1;
    // A UDP length that says less than is there limits the sum.
    std::size_t n = l4.size();
    if (b.transport == 17) n = std::min<std::size_t>(n, get16(b.bytes, at + 4));
    unsigned sum =
        ~packets::sum16(l4.first(n), pseudo ? packets::pseudo(addresses, n, b.transport) : 0) &
        0xffffU;
    if (sum == 0 && b.transport == 17) sum = 0xffff;
    put16(b.bytes, field, b.sum == "bad" ? sum ^ 0x5a5aU : sum);
}

Built ip6(const Layer& l, Built rest) {
    l.only({"hops", "class", "flow", "len", "next", "version"}, 4);
    Built head;
    head.bytes.resize(40);
    const auto src = isthmus::Ipv6Addr::parse(l.word(1));
    const auto dst = isthmus::Ipv6Addr::parse(l.word(3));
    if (!src || !dst) throw Fault("ip6: bad address in " + l.word(1) + " > " + l.word(3));
    std::copy(src->octet.begin(), src->octet.end(), head.bytes.begin() + 8);
    std::copy(dst->octet.begin(), dst->octet.end(), head.bytes.begin() + 24);
    finish_checksum(rest, {head.bytes.data() + 8, 32}, true);
    put32(head.bytes, 0,
          (l.value("version", 6) << 28U) | (l.value("class", 0) << 20U) | l.value("flow", 0));
    put16(head.bytes, 4, l.value("len", rest.bytes.size()));
    head.bytes[6] = static_cast<std::uint8_t>(l.value("next", rest.protocol));
    head.bytes[7] = static_cast<std::uint8_t>(l.value("hops", 64));
    head = prepend(std::move(head), rest);
    head.transport = 0;
    return head;
}

Built ip4(const Layer& l, Built rest) {
    l.only({"ttl", "tos", "id", "df", "mf", "offset", "options", "len", "proto", "sum", "ihl",
            "version"},
           4);
    const Bytes options = hex(l.text("options", ""));
    Built head;
    head.bytes.resize(20);
    const auto src = isthmus::Ipv4Addr::parse(l.word(1));
    const auto dst = isthmus::Ipv4Addr::parse(l.word(3));
    if (!src || !dst) throw Fault("ip4: bad address in " + l.word(1) + " > " + l.word(3));
    std::memcpy(&head.bytes[12], src->octets().data(), 4);
    std::memcpy(&head.bytes[16], dst->octets().data(), 4);
    finish_checksum(rest, {head.bytes.data() + 12, 8}, false);
    head.bytes = head.bytes + options;
    const std::size_t bytes = head.bytes.size();
    head.bytes[0] =
        static_cast<std::uint8_t>((l.value("version", 4) << 4U) | l.value("ihl", bytes / 4));
    head.bytes[1] = static_cast<std::uint8_t>(l.value("tos", 0));
    put16(head.bytes, 2, l.value("len", bytes + rest.bytes.size()));
    l.put(head, 4, l.text("id", "0x1234"));
    put16(
        head.bytes, 6,
        (l.flag("df") ? 0x4000U : 0U) | (l.flag("mf") ? 0x2000U : 0U) | (l.value("offset", 0) / 8));
    head.bytes[8] = static_cast<std::uint8_t>(l.value("ttl", 64));
    head.bytes[9] = static_cast<std::uint8_t>(l.value("proto", rest.protocol));
    const unsigned sum = ~packets::sum16({head.bytes.data(), bytes}) & 0xffffU;
    put16(head.bytes, 10, l.text("sum", "") == "bad" ? sum ^ 0x5a5aU : sum);
    head = prepend(std::move(head), rest);
    head.transport = 0;
    return head;
}

using Iterator = Words::const_iterator;
Built layers(Iterator& at, Iterator end, const Variables& known);

/// A payload and what follows it.
Built payload(const Layer& l, Iterator& at, Iterator end, const Variables& known) {
    Built head;
    const auto n = [&] { return static_cast<std::size_t>(number(l.word(1))); };
    if (l.kind() == "data") {
        head.bytes = packets::pattern(n(), l.value("from", 0));
    } else if (l.kind() == "zero") {
        head.bytes.resize(n());
    } else {
        head.bytes = hex(l.word(1));
    }
    Built rest;
    if (at != end && *at == "/") rest = layers(++at, end, known);
    head = prepend(std::move(head), rest);
    head.transport = 0;
    return head;
}

/// "piece FIRST COUNT [more] id=N of PACKET"
Built piece(Iterator& at, Iterator end, const Variables& known) {
    const auto of = std::find(at, end, "of");
    const Layer l({at, of}, known);
    l.only({"more", "id"}, 3);
    if (of == end) throw Fault("piece: no \"of\"");
    at = of + 1;
    Built whole = layers(at, end, known);
    const bool v6 = (whole.bytes[0] >> 4) == 6;
    const std::size_t header = v6 ? 40 : (whole.bytes[0] & 15U) * 4U;
    const std::size_t first = number(l.word(1)), count = number(l.word(2));
    if (header + first + count > whole.bytes.size()) throw Fault("piece: past the end");
    Built out;
    out.bytes.assign(whole.bytes.begin(), whole.bytes.begin() + static_cast<long>(header));
    const auto from = whole.bytes.begin() + static_cast<long>(header + first);
    if (v6) {
        const unsigned long id = number(l.text("id", "0"));
        Bytes f = packets::fragment_header(whole.bytes[6], static_cast<unsigned>(first),
                                           l.flag("more"), static_cast<std::uint32_t>(id));
        out.bytes[6] = 44;
        put16(out.bytes, 4, static_cast<unsigned>(8 + count));
        out.bytes = out.bytes + f;
    } else {
        put16(out.bytes, 2, static_cast<unsigned>(header + count));
        l.put(out, 4, l.text("id", "0"));
        put16(out.bytes, 6,
              static_cast<unsigned>((whole.bytes[6] & 0x40U) << 8U) |
                  (l.flag("more") ? 0x2000U : 0U) | static_cast<unsigned>(first / 8));
        put16(out.bytes, 10, 0);
        put16(out.bytes, 10, ~packets::sum16({out.bytes.data(), header}) & 0xffffU);
    }
    out.bytes = out.bytes + Bytes(from, from + static_cast<long>(count));
    if (!whole.holes.empty()) throw Fault("piece: no unknown values inside");
    return out;
}

Built quoted(Iterator& at, Iterator end, const Variables& known) {
    Built inner = at != end && *at == "piece" ? piece(at, end, known) : layers(at, end, known);
    if (at == end || *at != ")") throw Fault("no ) after (");
    ++at;
    if (at != end && at->rfind("cut=", 0) == 0) {
        inner.bytes.resize(std::min<std::size_t>(inner.bytes.size(), number(at->substr(4))));
        ++at;
    }
    Built rest;
    if (at != end && *at == "/") rest = layers(++at, end, known);
    inner = prepend(std::move(inner), rest);
    inner.transport = 0;
    return inner;
}

Built layers(Iterator& at, Iterator end, const Variables& known) {
    if (at == end) throw Fault("a layer is missing");
    if (*at == "(") return quoted(++at, end, known);
    const Iterator first = at;
    while (at != end && *at != "/" && *at != "(" && *at != ")") ++at;
    const Layer l({first, at}, known);
    const std::string& k = l.kind();
    if (k == "data" || k == "zero" || k == "hex") return payload(l, at, end, known);
    Built rest;
    if (at != end && *at == "/") rest = layers(++at, end, known);
    if (k == "ip6") return ip6(l, std::move(rest));
    if (k == "ip4") return ip4(l, std::move(rest));
    if (k == "udp") return udp(l, rest);
    if (k == "tcp") return tcp(l, rest);
    if (k == "icmp") return icmp(l, rest, false);
    if (k == "icmp6") return icmp(l, rest, true);
    if (k == "frag") return fragment(l, rest);
    if (k == "hopbyhop") return extension(l, rest, 0);
    if (k == "destopt") return extension(l, rest, 60);
    if (k == "routing") return extension(l, rest, 43);
    throw Fault("no such layer: " + k);
}

}  // namespace

Words split(const std::string& line) {
    std::istringstream in(line);
    Words out;
    for (std::string w; in >> w;) out.push_back(w);
    return out;
}

unsigned long number(const std::string& text) {
    std::size_t used = 0;
    unsigned long v = 0;
    try {
        v = std::stoul(text, &used, 0);
    } catch (const std::exception&) {
    }
    if (used == 0 || used != text.size()) throw Fault("no number: " + text);
    return v;
}

Bytes hex(const std::string& text) {
    Bytes out;
    if (text.size() % 2 != 0) throw Fault("odd number of hexadecimal digits: " + text);
    for (std::size_t i = 0; i < text.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(number("0x" + text.substr(i, 2))));
    return out;
}

Built build(const Words& words, const Variables& known) {
    if (words.empty()) throw Fault("no packet");
    Iterator at = words.begin();
    Built b = words[0] == "piece" ? piece(at, words.end(), known) : layers(at, words.end(), known);
    if (at != words.end()) throw Fault("what is \"" + *at + "\"?");
    return b;
}

Bytes build_like(const Words& words, Variables& known, const Bytes& got) {
    const Built first = build(words, known);
    Words filled = words;
    Variables values = known;
    std::size_t n = 0;
    for (const Hole& h : first.holes) {
        if (h.at + 2 > got.size()) return first.bytes;
        const std::string name = h.name == "any" ? "$any" + std::to_string(n++) : h.name;
        values[name] = get16(got, h.at);
        if (h.name != "any") known[name] = values[name];
    }
    // Each `any` becomes a variable of its own, in the order in which the holes were found.
    n = 0;
    for (auto& w : filled) {
        if (w.size() >= 4 && w.compare(w.size() - 4, 4, "=any") == 0)
            w = w.substr(0, w.size() - 3) + "$any" + std::to_string(n++);
    }
    return build(filled, values).bytes;
}

}  // namespace golden
