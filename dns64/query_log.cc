// SPDX-License-Identifier: Apache-2.0
#include "dns64/query_log.h"

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <ctime>

#include "common/log/log.h"
#include "common/net/prefix.h"
#include "dns64/names_of_codes.h"

namespace isthmus::dns64 {

namespace {

using config::LogClients;

constexpr auto kRound = std::chrono::milliseconds(20);  // how long a record waits in its ring
constexpr std::size_t kLinesMost = std::size_t{1} << 20;
constexpr int kStopMs = 1000;
constexpr unsigned kNetwork4 = 24, kNetwork6 = 56;  // as for limits.rate

void append_text(std::string& out, std::string_view key, std::string_view text) {
    out.append(",\"").append(key).append("\":\"");
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        // Names and views are printable by now; what is not would end the line.
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    out += '"';
}

void append_time(std::string& out, std::uint64_t us) {
    const auto seconds = static_cast<std::time_t>(us / 1'000'000U);
    tm t{};
    ::gmtime_r(&seconds, &t);
    char text[40];
    const std::size_t n = std::strftime(text, sizeof text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &t);
    out.append(text, n);
    const std::string ms = std::to_string(us / 1000 % 1000);
    out.append(".").append(3 - ms.size(), '0').append(ms).append("Z\"");
}

void append_number(std::string& out, std::string_view key, std::uint64_t v) {
    out.append(",\"").append(key).append("\":").append(std::to_string(v));
}

void append_gap(std::string& out, const LoggedQuery& next, unsigned worker, std::uint64_t told) {
    append_time(out, next.time_us);
    append_text(out, "note", "gap");
    append_number(out, "worker", worker);
    append_number(out, "lost", next.seq - told - 1);
    append_number(out, "seq_first", told + 1);
    append_number(out, "seq_last", next.seq - 1);
    out += "}\n";
}

}  // namespace

std::string client_text(const SocketAddress& client, LogClients how) {
    if (how == LogClients::none) return {};
    if (how == LogClients::full) return client.host_text();
    if (client.is_v6()) return Prefix6{masked(client.v6(), kNetwork6), kNetwork6}.text();
    const Prefix4 of{client.v4(), kNetwork4};
    return Prefix4{Ipv4Addr::from_host(of.addr.host() & of.mask()), kNetwork4}.text();
}

void append_line(std::string& out, const LoggedQuery& q, unsigned worker, LogClients how) {
    append_time(out, q.time_us);
    append_number(out, "worker", worker);
    append_number(out, "seq", q.seq);
    if (how != LogClients::none) append_text(out, "client", client_text(q.client, how));
    append_text(out, "via", kViaNames[static_cast<std::size_t>(q.via)]);
    append_text(out, "view", {q.view, q.view_len});
    append_text(out, "name", name_text(NameView(q.name, q.name_len)));
    append_text(out, "type", type_text(q.type));
    append_text(out, "rcode", rcode_text(q.rcode));
    append_text(out, "why", info_of(q.why).name);
    out.append(q.cached ? ",\"cached\":true" : ",\"cached\":false");
    append_number(out, "us", q.us);
    out += "}\n";
}

void QueryLogWriter::order(Orders o) {
    const std::lock_guard guard(lock_);
    on_ = o.file.is_open();
    orders_ = std::move(o);
    changed_.notify_one();
}

bool QueryLogWriter::stop(int ms) {
    std::unique_lock guard(lock_);
    stopping_ = true;
    changed_.notify_all();
    return changed_.wait_for(guard, std::chrono::milliseconds(ms), [this] { return ended_; });
}

/// Between two rounds. False: this is the last one.
bool QueryLogWriter::wait() {
    std::unique_lock guard(lock_);
    const auto wanted = [this] { return stopping_ || orders_.has_value(); };
    if (on_) {
        (void)changed_.wait_for(guard, kRound, wanted);
    } else {
        changed_.wait(guard, wanted);
    }
    return !stopping_;
}

void QueryLogWriter::take_orders() {
    std::optional<Orders> next;
    {
        const std::lock_guard guard(lock_);
        next = std::move(orders_);
        orders_.reset();
    }
    if (!next) return;
    if (now_.file.is_open()) write();  // what it can still take
    if (now_.file.path() != next->file.path()) lines_.clear();
    now_ = std::move(*next);
}

/// Lines of what the rings hold, as long as there is room: what stays in them is lost there last.
void QueryLogWriter::fill() {
    for (unsigned i = 0; i < rings.size(); i++) {
        QueryRing& ring = *rings[i];
        while (lines_.size() < kLinesMost) {
            const LoggedQuery* q = ring.front();
            if (q == nullptr) break;
            if (now_.file.is_open()) {
                if (q->seq != ring.told + 1) append_gap(lines_, *q, i, ring.told);
                append_line(lines_, *q, i, now_.clients);
            }
            ring.told = q->seq;
            ring.pop();
        }
    }
}

/// Trouble is told when it begins, and when it has ended.
void QueryLogWriter::say(const Status& s) {
    const std::string now = s ? "" : s.error().text();
    if (now == trouble_) return;
    if (s) {
        log::info("query log: " + now_.file.path() + " takes lines again");
    } else {
        log::error("query log: " + now + "; queries are answered, their lines are lost");
    }
    trouble_ = now;
}

void QueryLogWriter::write() {
    const auto now_s = static_cast<std::uint64_t>(std::time(nullptr));
    Status done = Done{};
    const bool asked = reopen_.exchange(false);
    if (asked || now_s != checked_s_) {
        checked_s_ = now_s;
        done = now_.file.follow(asked);
    }
    const bool waiting = !lines_.empty();
    if (Status s = now_.file.write(lines_, now_s); !s) done = s;
    if (!done) failures++;
    if (!done || waiting) say(done);
}

void QueryLogWriter::run() {
    for (bool more = true; more;) {
        more = wait();
        take_orders();
        fill();
        if (now_.file.is_open()) write();
    }
    const std::lock_guard guard(lock_);
    ended_ = true;
    changed_.notify_all();
}

QueryRing& QueryLog::add_worker() {
    return *writer_->rings.emplace_back(std::make_unique<QueryRing>());
}

void QueryLog::start() {
    thread_ = std::thread([w = writer_] { w->run(); });
    ::pthread_setname_np(thread_.native_handle(), "query-log");
}

void QueryLog::stop() {
    if (!thread_.joinable()) return;
    if (writer_->stop(kStopMs)) return thread_.join();
    log::warn("query log: the file takes nothing; its last lines are lost");
    thread_.detach();
}

Status QueryLog::configure(const config::Dns64Log& c) {
    QueryLogWriter::Orders o;
    o.clients = c.clients;
    if (!c.file.empty()) {
        auto file = LogFile::open(c.file, {std::uint64_t{c.max_size_mib} << 20,
                                           std::uint64_t{c.max_hours} * 3600, c.max_files});
        if (!file) return file.error();
        o.file = std::move(*file);
    }
    writer_->order(std::move(o));
    return Done{};
}

}  // namespace isthmus::dns64
