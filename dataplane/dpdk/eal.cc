// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/eal.h"

#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "dataplane/dpdk/device_socket.h"

namespace isthmus::dpdk {
namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;

std::set<unsigned> allowed_cpus() {
    std::set<unsigned> out;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return out;
    for (unsigned i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &set)) out.insert(i);
    }
    return out;
}

std::uint64_t meminfo(const std::string& wanted) {
    std::ifstream in("/proc/meminfo");
    std::string key, rest;
    std::uint64_t value = 0;
    while (in >> key >> value) {
        if (key == wanted) return value;
        std::getline(in, rest);
    }
    return 0;
}
std::uint64_t meminfo_bytes(const std::string& wanted) { return meminfo(wanted) * 1024; }

/// EAL makes a directory for its telemetry socket, removes the socket when the process exits, and
/// leaves the directory. Called before EAL starts, this runs after that.
void remove_directory_at_exit(const std::string& prefix) {
    static std::string directory;
    directory = "/var/run/dpdk/" + prefix;
    (void)std::atexit([] { (void)::rmdir(directory.c_str()); });
}

/// Standard output goes nowhere while it lives; what matters is said on standard error.
class QuietOutput {
public:
    QuietOutput() : saved_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) {
        const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (saved_ >= 0 && null >= 0) (void)::dup2(null, STDOUT_FILENO);
        if (null >= 0) ::close(null);
    }
    ~QuietOutput() {
        if (saved_ < 0) return;
        (void)std::fflush(stdout);
        (void)::dup2(saved_, STDOUT_FILENO);
        ::close(saved_);
    }
    QuietOutput(const QuietOutput&) = delete;
    QuietOutput& operator=(const QuietOutput&) = delete;

private:
    int saved_;
};

}  // namespace

std::uint64_t free_huge_bytes() {
    return meminfo("HugePages_Free:") * meminfo_bytes("Hugepagesize:");
}

Expected<std::vector<unsigned>> worker_cpus(const config::DataplaneConfig& cfg) {
    const std::set<unsigned> allowed = allowed_cpus();
    if (allowed.empty())
        return Error{"dataplane.workers", "the CPUs of this process cannot be read"};
    const auto refuse = [&](const char* key, unsigned cpu) {
        return Error{key, "CPU " + std::to_string(cpu) +
                              " is not one that this process may use; it may use " +
                              std::to_string(*allowed.begin()) + " to " +
                              std::to_string(*allowed.rbegin())};
    };
    if (!allowed.contains(cfg.main_cpu)) return refuse("dataplane.main_cpu", cfg.main_cpu);
    std::vector<unsigned> out;
    for (const std::uint16_t cpu : cfg.workers) {
        if (!allowed.contains(cpu)) return refuse("dataplane.workers", cpu);
        out.push_back(cpu);
    }
    if (out.empty()) out.push_back(*allowed.rbegin());
    return out;
}

Expected<bool> decide_hugepages(const config::DataplaneConfig& cfg, std::uint64_t bytes) {
    if (cfg.hugepages == config::Hugepages::no) return false;
    const std::uint64_t have = free_huge_bytes();
    if (have >= bytes) return true;
    if (cfg.hugepages == config::Hugepages::automatic) return false;
    return Error{"dataplane.hugepages",
                 std::to_string(bytes / kMib) + " MiB of huge pages are needed and " +
                     std::to_string(have / kMib) +
                     " MiB are free; reserve them (sysctl vm.nr_hugepages=" +
                     std::to_string(bytes / (2 * kMib) + 1) + ") or set hugepages = \"auto\""};
}

Status start_eal(const config::DataplaneConfig& cfg, const EalPlan& plan,
                 const std::vector<DeviceSpec>& devices, bool hugepages) {
    std::vector<std::string> args{"isthmus-dataplane"};
    std::string lcores = "0@" + std::to_string(cfg.main_cpu);
    for (unsigned i = 0; i < plan.cpus.size(); i++) {
        lcores += "," + std::to_string(i + 1) + "@" + std::to_string(plan.cpus[i]);
    }
    args.insert(args.end(), {"--lcores", lcores, "--file-prefix", cfg.file_prefix, "--log-level",
                             "lib.eal:error", "--log-level", "lib.telemetry:error"});
    // Without huge pages a buffer may take a page more than its size; memory is not there before it
    // is touched, so that plenty costs nothing.
    const std::uint64_t mib =
        cfg.memory_mib != 0 ? cfg.memory_mib : 2 * (plan.memory_bytes / kMib) + 64;
    // No files of EAL's in either way: no second process of DPDK's kind joins us.
    if (hugepages) {
        args.emplace_back("--in-memory");
    } else {
        args.insert(args.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(mib)});
    }
    bool pci = false;
    for (const DeviceSpec& d : devices) {
        if (const Status s = clear_socket(d); !s) return s.error();
        args.insert(args.end(), {d.is_pci ? "-a" : "--vdev", d.devargs});
        pci = pci || d.is_pci;
    }
    if (!pci) args.emplace_back("--no-pci");
    args.insert(args.end(), cfg.eal_args.begin(), cfg.eal_args.end());
    std::vector<char*> argv;
    argv.reserve(args.size() + 1);
    for (std::string& a : args) argv.push_back(a.data());
    argv.push_back(nullptr);
    remove_directory_at_exit(cfg.file_prefix);
    // Sockets and files that drivers make are for our user alone.
    const mode_t before = ::umask(0077);
    int rc = 0;
    {
        const QuietOutput quiet;  // EAL prints its usage there when it takes offence at an argument
        rc = rte_eal_init(static_cast<int>(args.size()), argv.data());
    }
    (void)::umask(before);
    if (rc >= 0) return Done{};
    std::string line;
    for (const std::string& a : args) line += a + " ";
    return Error{"DPDK",
                 std::string("did not start: ") + rte_strerror(rte_errno) +
                     ". A device or its driver is missing, or an argument of dataplane.eal_args is "
                     "wrong; the lines above say which. Arguments: " +
                     line};
}

}  // namespace isthmus::dpdk
