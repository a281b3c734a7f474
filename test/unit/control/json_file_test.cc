// SPDX-License-Identifier: Apache-2.0
#include "control/logs/json_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "test/unit/folder.h"

using namespace isthmus;
using namespace isthmus::control;

namespace {

namespace fs = std::filesystem;

api::Event binding(std::uint64_t seq) {
    api::Event e;
    e.sequence = seq;
    e.unix_ns = 1'793'700'122'345'000'000 + seq;
    e.kind = EventKind::binding_created;
    e.x = *Ipv6Addr::parse("2001:db8:7::5");
    e.x_id = 40000;
    e.t = Ipv4Addr::of(203, 0, 113, 9);
    e.t_id = 41022;
    return e;
}

LogBatch batch(std::uint64_t first, std::uint64_t last, const char* instance = "a1") {
    LogBatch out;
    out.instance = instance;
    for (std::uint64_t n = first; n <= last; n++) out.records.emplace_back(binding(n));
    return out;
}

std::vector<std::string> lines(const std::string& path) {
    std::ifstream in(path);
    std::vector<std::string> out;
    for (std::string l; std::getline(in, l);) out.push_back(l);
    return out;
}

}  // namespace

TEST_CASE("T-6269-002: a line has UTC with milliseconds, T,t, protocol, X',x and no destination") {
    CHECK(json_line("a1", binding(7)) ==
          R"({"time":"2026-11-03T10:02:02.345Z","event":"binding_created","instance":"a1",)"
          R"("worker":0,"seq":7,"protocol":"udp","x":"2001:db8:7::5","x_id":40000,)"
          R"("t":"203.0.113.9","t_id":41022})");
}

TEST_CASE("a batch that comes again is written once, also by another control") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    {
        JsonFile f(path, {1 << 20, 3});
        REQUIRE(f.deliver(batch(1, 4)).ok());
        REQUIRE(f.deliver(batch(3, 6)).ok());
    }
    JsonFile next(path, {1 << 20, 3});
    REQUIRE(next.deliver(batch(5, 8)).ok());
    REQUIRE(lines(path).size() == 8);
    REQUIRE(next.deliver(batch(1, 2, "b2")).ok());  // another dataplane counts anew
    REQUIRE(lines(path).size() == 10);
}

TEST_CASE("half a line that a crash left is cut off") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    { std::ofstream(path) << json_line("a1", binding(1)) << "\n{\"time\":\"2026-11"; }
    JsonFile f(path, {1 << 20, 3});
    REQUIRE(f.deliver(batch(1, 2)).ok());
    const auto got = lines(path);
    REQUIRE(got.size() == 2);
    CHECK(got[1] == json_line("a1", binding(2)));
}

TEST_CASE("files are rotated by size, the oldest goes, no line is torn") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    JsonFile f(path, {1000, 3});
    for (std::uint64_t n = 1; n <= 30; n++) REQUIRE(f.deliver(batch(n, n)).ok());
    std::size_t whole = 0;
    for (const char* suffix : {"", ".1", ".2"}) {
        CHECK(fs::file_size(path + suffix) <= 1000);
        for (const std::string& l : lines(path + suffix)) whole += l.back() == '}';
    }
    CHECK_FALSE(fs::exists(path + ".3"));
    CHECK(whole >= 10);
    CHECK(lines(path).back() == json_line("a1", binding(30)));
}

TEST_CASE("a directory, or a file that cannot be, is an error that names it") {
    const Folder dir;
    JsonFile f(dir.path, {1 << 20, 3});
    CHECK_FALSE(f.deliver(batch(1, 1)).ok());
    JsonFile fifo("/dev/full", {1 << 20, 3});
    const Status s = fifo.deliver(batch(1, 1));
    REQUIRE_FALSE(s.ok());
    CHECK(s.error().text().find("/dev/full") != std::string::npos);
}

TEST_CASE("a batch that was rotated in its middle is written once by the next control") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    {
        JsonFile f(path, {1000, 9});
        REQUIRE(f.deliver(batch(1, 9)).ok());
    }
    REQUIRE(fs::exists(path + ".1"));
    std::ofstream(path, std::ios::trunc).close();  // it died when the new file was still empty
    const auto before = lines(path + ".1").size();
    JsonFile next(path, {1 << 20, 9});
    REQUIRE(next.deliver(batch(1, 9)).ok());
    std::size_t rotated = 0;
    for (int n = 1; fs::exists(path + "." + std::to_string(n)); n++)
        rotated += lines(path + "." + std::to_string(n)).size();
    CHECK(before > 0);
    CHECK(lines(path).size() + rotated == 9);
}

TEST_CASE("a file is rotated when its first line is too old, also by a later control") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    constexpr std::uint64_t kHour = 3600 * kNanosPerSecond;
    api::Event old = binding(1);
    old.unix_ns = unix_now_ns() - 2 * kHour;
    {
        JsonFile f(path, {1 << 20, 3, 3 * kHour});
        REQUIRE(f.deliver({"a1", {old}, {}}).ok());
    }
    {
        JsonFile f(path, {1 << 20, 3, 3 * kHour});
        REQUIRE(f.deliver(batch(2, 2)).ok());
        CHECK_FALSE(fs::exists(path + ".1"));
    }
    JsonFile f(path, {1 << 20, 3, kHour});
    REQUIRE(f.deliver(batch(3, 3)).ok());
    CHECK(lines(path + ".1").size() == 2);
    REQUIRE(lines(path).size() == 1);
    REQUIRE(f.deliver(batch(4, 4)).ok());
    REQUIRE(f.tick().ok());
    CHECK(lines(path).size() == 2);
}

TEST_CASE("a file that others move, remove or truncate goes on whole") {
    const Folder dir;
    const std::string path = dir.path + "/nat.json";
    JsonFile f(path, {1 << 20, 3});
    REQUIRE(f.deliver(batch(1, 3)).ok());
    fs::rename(path, path + "-moved");
    REQUIRE(f.deliver(batch(4, 5)).ok());
    CHECK(lines(path + "-moved").size() == 3);
    CHECK(lines(path).size() == 2);
    fs::resize_file(path, 0);
    REQUIRE(f.deliver(batch(6, 6)).ok());
    REQUIRE(lines(path).size() == 1);
    CHECK(lines(path)[0] == json_line("a1", binding(6)));
    fs::remove(path);
    REQUIRE(f.deliver(batch(7, 8)).ok());
    CHECK(lines(path).size() == 2);
}
