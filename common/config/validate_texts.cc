// SPDX-License-Identifier: Apache-2.0
// Texts that name something: files, sockets, namespaces, an instance. What no system would take is
// refused here, with its line, and not by the system in the middle of the start.
#include <algorithm>
#include <set>

#include "common/config/place.h"
#include "common/config/validate.h"

namespace isthmus::config {

namespace {

/// sockaddr_un::sun_path less the end.
constexpr std::size_t kSocketMost = 107;

class TextChecker {
public:
    TextChecker(Loaded& loaded, const std::string& name) : l_(loaded), name_(name) {}

    void run() {
        const DataplaneConfig& d = l_.config.dataplane;
        socket("dataplane.socket", d.socket);
        socket("control.socket", l_.config.control.socket);
        if (l_.config.has_dns64 && !l_.config.dns64.socket.empty())
            socket("dns64.socket", l_.config.dns64.socket);
        path("control.state_dir", l_.config.control.state_dir);
        if (!is_word(d.file_prefix, 32))
            error("dataplane.file_prefix",
                  "file_prefix \"" + d.file_prefix +
                      "\": 1 to 32 letters, digits, - _ or . (it names the instance)");
        if (!d.punt_netns.empty() && !is_word(d.punt_netns, 255))
            error("dataplane.punt_netns",
                  "punt_netns \"" + d.punt_netns + "\" is a name as ip netns lists it, no path");
        if (d.socket == l_.config.control.socket)
            error("control.socket",
                  "control.socket and dataplane.socket are one file; give each its own");
        if (d.buffers != 0 && d.buffers < 2048)
            error("dataplane.buffers",
                  "buffers = " + std::to_string(d.buffers) + ": 0 (computed) or at least 2048");
        const auto& level = l_.config.control.log_level;
        if (level != "debug" && level != "info" && level != "warn" && level != "error")
            error("control.log_level",
                  "log_level is one of \"debug\", \"info\", \"warn\", \"error\"");
        for (const std::string& a : d.eal_args) eal_argument(a);
        const HttpConfig& http = l_.config.control.http;
        if (http.enabled && !Ipv4Addr::parse(http.address) && !Ipv6Addr::parse(http.address))
            error("control.http.address",
                  "control.http.address \"" + http.address +
                      "\" is no IPv4 or IPv6 address; names are not looked up");
        log_files();
        if (l_.config.has_dns64) upstreams();
    }

private:
    void error(const std::string& key, std::string what) {
        const auto line = l_.line_of.find(key);
        const bool known = line != l_.line_of.end();
        l_.errors.push_back(
            {known ? name_ + ":" + std::to_string(line->second) : name_, std::move(what)});
    }
    void log_files() {
        std::set<std::string> files;
        for (const LogOutlet& o : l_.config.control.logs) {
            if (o.type == LogType::json && !files.insert(o.file).second)
                error("control.logs",
                      "two logs write to \"" + o.file + "\"; give each a file of its own");
        }
    }
    /// Whoever asks himself waits for ever.
    void upstreams() {
        const Dns64Config& d = l_.config.dns64;
        for (const Endpoint& u : d.upstreams) {
            const bool own = std::any_of(d.listen.begin(), d.listen.end(), [&u](const Endpoint& e) {
                return e.transport != Transport::xdp && e.is_v6 == u.is_v6 && e.port == u.port &&
                       (u.is_v6 ? e.v6 == u.v6 : e.v4 == u.v4);
            });
            if (own)
                l_.errors.push_back({place_of(Origin{u.line}, name_),
                                     "upstream " + u.text() +
                                         " is what dns64.listen serves: isthmus-dns64 would ask "
                                         "itself; name another resolver, or listen elsewhere"});
        }
    }
    static bool is_word(const std::string& s, std::size_t most) {
        return !s.empty() && s.size() <= most && s[0] != '.' && s[0] != '-' &&
               std::all_of(s.begin(), s.end(), [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
               });
    }
    bool path(const std::string& key, const std::string& value) {
        if (!value.empty() && value[0] == '/') return true;
        error(key, "\"" + value + "\" is no absolute path; it begins with /");
        return false;
    }
    void socket(const std::string& key, const std::string& value) {
        if (!path(key, value)) return;
        if (value.size() > kSocketMost)
            error(key, "the socket's path is longer than 107 bytes; shorten it");
        if (value.back() == '/') error(key, "\"" + value + "\" is a directory; name a file in it");
    }
    /// What would print and exit, or take from us what we decide.
    void eal_argument(const std::string& a) {
        const std::string word = a.substr(0, a.find('='));
        for (const char* ours : {"-h", "--help", "-v", "--version", "-l", "-c", "--lcores", "-m",
                                 "--no-huge", "--in-memory", "--file-prefix", "--vdev", "-a",
                                 "--allow", "--no-pci", "--proc-type"}) {
            if (word == ours)
                error("dataplane.eal_args", "eal_args: " + word +
                                                " is not for this list; the other keys of "
                                                "dataplane say it (see isthmus.conf(5))");
        }
    }

    Loaded& l_;
    const std::string& name_;
};

}  // namespace

void validate_texts(Loaded& loaded, const std::string& name) { TextChecker(loaded, name).run(); }

}  // namespace isthmus::config
