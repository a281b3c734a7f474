// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/privileges.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

namespace isthmus::agent {

namespace {

struct Name {
    int cap;
    const char* text;
};
constexpr std::array<Name, 5> kNames = {{{CAP_NET_ADMIN, "net_admin"},
                                         {CAP_NET_RAW, "net_raw"},
                                         {CAP_IPC_LOCK, "ipc_lock"},
                                         {CAP_SYS_RAWIO, "sys_rawio"},
                                         {CAP_BPF, "bpf"}}};

std::atomic<std::uint64_t> keep_mask{0};
std::atomic<int> n_done{0}, n_failed{0};

/// Of the calling thread; nothing here but system calls, it runs in a signal handler.
bool drop_here() {
    const std::uint64_t keep = keep_mask.load();
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
        // Without CAP_SETPCAP (a container) the bounding set stays: the sets below count.
        if ((keep >> cap & 1) == 0) (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> have{};
    if (syscall(SYS_capget, &header, have.data()) != 0) return false;
    for (unsigned i = 0; i < 2; i++) {
        have[i].permitted &= static_cast<std::uint32_t>(keep >> (32 * i));
        have[i].effective = have[i].permitted;
        have[i].inheritable = 0;
    }
    return syscall(SYS_capset, &header, have.data()) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

void on_signal(int) {
    const int before = errno;
    if (!drop_here()) n_failed.fetch_add(1);
    n_done.fetch_add(1);
    errno = before;
}

std::set<pid_t> threads() {
    std::set<pid_t> out;
    DIR* d = ::opendir("/proc/self/task");
    if (d == nullptr) return out;
    while (const dirent* e = ::readdir(d)) {
        const pid_t id = static_cast<pid_t>(std::strtol(e->d_name, nullptr, 10));
        if (id > 0) out.insert(id);
    }
    ::closedir(d);
    return out;
}

std::uint64_t effective(pid_t thread) {
    std::ifstream in("/proc/self/task/" + std::to_string(thread) + "/status");
    std::string key, value;
    while (in >> key) {
        if (key == "CapEff:") {
            in >> value;
            return std::stoull(value, nullptr, 16);
        }
        std::getline(in, value);
    }
    return 0;  // it has ended
}

/// Asks one thread, and waits until it has answered or ended.
void ask(pid_t thread, int signal) {
    const int before = n_done.load();
    if (syscall(SYS_tgkill, getpid(), thread, signal) != 0) return;
    for (int i = 0; i < 1000 && n_done.load() == before; i++) {
        ::usleep(1000);
        if (syscall(SYS_tgkill, getpid(), thread, 0) != 0) return;
    }
}

}  // namespace

Expected<std::string> keep_capabilities(const std::vector<int>& keep) {
    std::uint64_t mask = 0;
    for (const int cap : keep) mask |= std::uint64_t{1} << cap;
    keep_mask.store(mask);
    const int signal = SIGRTMIN + 6;
    struct sigaction action {
    }, before{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, &before);
    std::set<pid_t> asked{static_cast<pid_t>(syscall(SYS_gettid))};
    // A thread may start another one before it is asked: until there is no new one.
    for (bool any = true; any;) {
        any = false;
        for (const pid_t t : threads()) {
            if (!asked.insert(t).second) continue;
            ask(t, signal);
            any = true;
        }
    }
    const bool mine = drop_here();
    sigaction(signal, &before, nullptr);
    for (const pid_t t : threads()) {
        if ((effective(t) & ~mask) != 0 || !mine || n_failed.load() != 0)
            return Error{"privileges", "thread " + std::to_string(t) +
                                           " keeps capabilities that it does not need"};
    }
    std::string names;
    const std::uint64_t left = effective(static_cast<pid_t>(syscall(SYS_gettid)));
    for (const Name& n : kNames) {
        if ((left >> n.cap & 1) != 0) names += (names.empty() ? "" : ", ") + std::string(n.text);
    }
    return names.empty() ? "none" : names;
}

}  // namespace isthmus::agent
