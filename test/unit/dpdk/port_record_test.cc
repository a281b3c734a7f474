// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/port_record.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "test/unit/folder.h"

using namespace isthmus;
using namespace isthmus::dpdk;

namespace {

struct Record : Folder {
    [[nodiscard]] std::string file() const { return path + "/r"; }
};

const Ipv4Addr kA = Ipv4Addr::of(192, 0, 2, 1), kB = Ipv4Addr::of(192, 0, 2, 2);

/// What a worker says of one address: these 64 ports of UDP.
void says(const nat::PortRecord& r, unsigned slot, Ipv4Addr a, std::uint64_t free) {
    r.own[slot].addr = a;
    r.own[slot].word[static_cast<unsigned>(Proto::udp)][20] = free;
}

std::uint64_t known(const nat::PortRecord& r, Ipv4Addr a) {
    for (const nat::FreePorts& f : r.before) {
        if (f.addr == a) return f.word[static_cast<unsigned>(Proto::udp)][20];
    }
    FAIL("address " << a.text() << " is not known");
    return 0;
}

}  // namespace

TEST_CASE("T-6888-022: the record of ports is there for the next process, all workers together") {
    const Record d;
    {
        auto f = PortRecordFile::open(d.file(), {2, 4}, 1000);
        REQUIRE(f);
        CHECK(f->found().empty());
        CHECK(f->of_worker(0).before.empty());
        says(f->of_worker(0), 0, kA, 0x0f);
        says(f->of_worker(1), 0, kA, 0xf0);
        says(f->of_worker(1), 3, kB, 0xff);
        f->alive(1007);
    }
    // Another number of workers and addresses.
    auto f = PortRecordFile::open(d.file(), {3, 2}, 1050);
    REQUIRE(f);
    CHECK(f->found() == "ports that were in use 43 s ago, on 2 addresses, rest");
    const nat::PortRecord r = f->of_worker(2);
    CHECK(r.before.size() == 2);
    CHECK(known(r, kA) == 0xff);
    CHECK(known(r, kB) == 0xff);
    CHECK(r.age == ticks_of_seconds(41));
    CHECK(r.own.size() == 2);
    CHECK(!r.own[1].is_used());
    struct stat st {};
    REQUIRE(::stat(d.file().c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("T-6888-022: a process that ends before it has an address hands on what it was told") {
    const Record d;
    says(PortRecordFile::open(d.file(), {1, 4}, 1000)->of_worker(0), 0, kA, 0x0f);
    {
        auto f = PortRecordFile::open(d.file(), {1, 4}, 1010);
        says(f->of_worker(0), 0, kB, 0x33);
    }
    {
        auto f = PortRecordFile::open(d.file(), {1, 4}, 1020);
        CHECK(known(f->of_worker(0), kA) == 0x0f);
        CHECK(known(f->of_worker(0), kB) == 0x33);
        says(f->of_worker(0), 1, kA, 0x3f);  // what a worker says replaces what was inherited
    }
    auto f = PortRecordFile::open(d.file(), {1, 4}, 1030);
    CHECK(known(f->of_worker(0), kA) == 0x3f);
    CHECK(known(f->of_worker(0), kB) == 0x33);
}

TEST_CASE(
    "T-6888-022: a record that is cut short, foreign or lies is none; then the operator decides") {
    const Record d;
    const auto none = [&] {
        auto f = PortRecordFile::open(d.file(), {1, 4, true}, 2000);
        REQUIRE(f);
        CHECK(f->of_worker(0).before.empty());
        CHECK(f->of_worker(0).unknown);
    };
    none();
    std::ofstream(d.file()) << "garbage";
    none();
    std::ofstream(d.file()) << std::string(200000, 'x');
    none();
    for (const int cut : {64, 65, 24640}) {
        says(PortRecordFile::open(d.file(), {1, 4}, 1000)->of_worker(0), 0, kA, 1);
        REQUIRE(::truncate(d.file().c_str(), cut) == 0);
        none();
    }
    {  // a header that promises more than there is
        says(PortRecordFile::open(d.file(), {1, 4}, 1000)->of_worker(0), 0, kA, 1);
        std::fstream f(d.file(), std::ios::in | std::ios::out | std::ios::binary);
        f.seekp(12);
        f.write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    }
    none();
}

TEST_CASE("T-6888-022: where there is no place for a record, an error says so") {
    const auto f = PortRecordFile::open("/proc/nowhere/record", {1, 4}, 1);
    REQUIRE(!f);
    CHECK(f.error().text().find("/proc/nowhere/record.new: cannot be made") != std::string::npos);
    auto without = PortRecordFile::without({1, 4, true});
    REQUIRE(without);
    CHECK(without->of_worker(0).unknown);
    CHECK(without->of_worker(0).own.size() == 4);
}
