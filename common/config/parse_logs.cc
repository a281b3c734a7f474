// SPDX-License-Identifier: Apache-2.0
#include "common/config/parse_logs.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/net/addr.h"

namespace isthmus::config {

namespace {

using libconfig::Setting;

constexpr std::array<const char*, 3> kTypes{"json", "syslog", "ipfix"};
constexpr std::array<const char*, 24> kFacilities{
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

const std::set<std::string>& keys_of(LogType type) {
    static const std::set<std::string> kJson{"type", "file", "max_size_mib", "max_hours",
                                             "max_files"};
    static const std::set<std::string> kSyslog{"type",     "address",     "port",     "transport",
                                               "facility", "cleartext",   "ca",       "name",
                                               "key",      "certificate", "spool_mib"};
    static const std::set<std::string> kIpfix{
        "type",        "address", "port", "domain", "template_seconds", "transport", "cleartext",
        "certificate", "ca",      "name", "key",    "spool_mib"};
    return type == LogType::json ? kJson : type == LogType::syslog ? kSyslog : kIpfix;
}

bool is_loopback(const std::string& address) {
    const auto v4 = Ipv4Addr::parse(address);
    return v4 ? v4->octets()[0] == 127 : address == "::1";
}

class LogReader {
public:
    LogReader(const Complain& complain, const Unknown& unknown)
        : complain_(complain), unknown_(unknown) {}

    std::optional<LogOutlet> read(const Setting& group) {
        if (!group.isGroup()) {
            bad(group, "a log is a group: { type = \"json\"; file = \"...\"; }");
            return std::nullopt;
        }
        if (!group.exists("type")) {
            bad(group, "a log needs type = \"json\", \"syslog\" or \"ipfix\"");
            return std::nullopt;
        }
        const int type = choice(group["type"], "type", {kTypes.begin(), kTypes.end()});
        if (type < 0) return std::nullopt;
        out_.type = static_cast<LogType>(type);

        for (int i = 0; i < group.getLength(); i++) read_key(group[i]);
        if (ok_) check(group);
        return ok_ ? std::optional(out_) : std::nullopt;
    }

private:
    void bad(const Setting& s, const std::string& what) {
        complain_(s, what);
        ok_ = false;
    }

    void read_key(const Setting& s) {
        const std::string name = s.getName();
        if (name == "type") return;
        if (!keys_of(out_.type).contains(name)) {
            ok_ = false;
            return unknown_(s, name, keys_of(out_.type));
        }
        if (name == "file") return text(s, name, out_.file);
        if (name == "address") return text(s, name, out_.address);
        if (name == "ca") return text(s, name, out_.tls.ca);
        if (name == "name") return text(s, name, out_.tls.name);
        if (name == "certificate") return text(s, name, out_.tls.certificate);
        if (name == "key") return text(s, name, out_.tls.key);
        if (name == "port") return number(s, name, 1, 65535, out_.port);
        if (name == "max_size_mib") return number(s, name, 1, 1048576, out_.max_size_mib);
        if (name == "max_hours") return number(s, name, 0, 100000, out_.max_hours);
        if (name == "max_files") return number(s, name, 1, 10000, out_.max_files);
        if (name == "domain") return number(s, name, 0, 2147483647, out_.domain);
        if (name == "template_seconds") return number(s, name, 1, 86400, out_.template_seconds);
        if (name == "spool_mib") return number(s, name, 0, 1048576, out_.spool_mib);
        if (name == "cleartext") {
            if (s.getType() != Setting::TypeBoolean) return bad(s, "cleartext is true or false");
            out_.cleartext = s;
            return;
        }
        if (name == "transport") {
            const int v = choice(s, name, {"udp", "tcp", "tls", "unix"});
            if (v >= 0) out_.transport = static_cast<LogTransport>(v);
            return;
        }
        const int v = choice(s, name, {kFacilities.begin(), kFacilities.end()});
        if (v >= 0) out_.facility = static_cast<std::uint8_t>(v);
    }

    void check(const Setting& group) {
        if (out_.type == LogType::json) {
            if (out_.file.empty() || out_.file[0] != '/')
                bad(group, "a json log needs file = \"/an/absolute/path\"");
            return;
        }
        if (out_.transport == LogTransport::unix_socket) {
            if (out_.type == LogType::ipfix)
                return bad(group, "IPFIX goes over \"udp\", \"tcp\" or \"tls\"");
            if (out_.address.empty()) out_.address = "/dev/log";
            if (out_.address[0] != '/' || out_.address.size() > 100)
                bad(group, "address is the socket's path: \"/dev/log\"");
            return;
        }
        if (!Ipv4Addr::parse(out_.address) && !Ipv6Addr::parse(out_.address)) {
            return bad(group, out_.address.empty()
                                  ? "the log needs address = \"...\", the collector's"
                                  : "\"" + out_.address +
                                        "\" is no address; names are not looked up: write the "
                                        "collector's IPv4 or IPv6 address");
        }
        const bool tls = out_.transport == LogTransport::tls, syslog = out_.type == LogType::syslog;
        if (out_.port == 0) out_.port = syslog ? (tls ? 6514 : 514) : (tls ? 4740 : 4739);
        if (tls) return check_tls(group);
        if (!(out_.tls == LogOutlet::Tls{}))
            return bad(group, "ca, name, certificate and key are of transport = \"tls\"");
        if (!out_.cleartext && !is_loopback(out_.address)) {
            bad(group,
                "who had which port would leave this host unprotected (RFC 8158 section 7): use "
                "transport = \"tls\", or set cleartext = true when the way to the collector is "
                "protected otherwise");
        }
    }

    void check_tls(const Setting& group) {
        const LogOutlet::Tls& t = out_.tls;
        for (const std::string& file : {t.ca, t.certificate, t.key}) {
            if (!file.empty() && file[0] != '/')
                return bad(group, "\"" + file + "\" is no absolute path");
        }
        if (t.certificate.empty() != t.key.empty())
            bad(group, "certificate and key are given together, or neither");
    }

    void text(const Setting& s, const std::string& name, std::string& out) {
        if (s.getType() != Setting::TypeString) return bad(s, name + " is a text in quotes");
        out = s.c_str();
    }
    template <typename T>
    void number(const Setting& s, const std::string& name, int least, int most, T& out) {
        const bool fits = s.getType() == Setting::TypeInt && static_cast<int>(s) >= least &&
                          static_cast<int>(s) <= most;
        if (!fits)
            return bad(s, name + " is a number from " + std::to_string(least) + " to " +
                              std::to_string(most));
        out = static_cast<T>(static_cast<int>(s));
    }
    int choice(const Setting& s, const std::string& name, const std::vector<std::string>& of) {
        std::string list;
        for (std::size_t i = 0; i < of.size(); i++) {
            if (s.getType() == Setting::TypeString && of[i] == s.c_str())
                return static_cast<int>(i);
            list += (i == 0 ? "\"" : ", \"") + of[i] + "\"";
        }
        bad(s, name + " is one of " + list);
        return -1;
    }

    const Complain& complain_;
    const Unknown& unknown_;
    LogOutlet out_;
    bool ok_ = true;
};

}  // namespace

std::optional<LogOutlet> read_log(const Setting& group, const Complain& complain,
                                  const Unknown& unknown) {
    return LogReader(complain, unknown).read(group);
}

}  // namespace isthmus::config
