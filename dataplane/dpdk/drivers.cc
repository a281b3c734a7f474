// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/drivers.h"

#include <dirent.h>
#include <dlfcn.h>
#include <rte_build_config.h>
#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_log.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "dataplane/dpdk/device.h"

namespace isthmus::dpdk {
namespace {

/// Drivers are libraries in a directory, which register themselves when they are loaded. EAL does
/// the same when it starts; to load one twice changes nothing.
void load_drivers() {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(RTE_EAL_PMD_PATH), ::closedir);
    if (!dir) return;
    while (const dirent* e = ::readdir(dir.get())) {
        const std::string name = e->d_name;
        if (name.starts_with("librte_net_") && name.find(".so") != std::string::npos)
            (void)::dlopen((std::string(RTE_EAL_PMD_PATH "/") + name).c_str(), RTLD_NOW);
    }
}

bool has_driver(const std::string& device) {
    rte_devargs parsed{};
    const int before = rte_log_get_level(RTE_LOGTYPE_EAL);
    // Our message names the line; EAL's, on stderr, does not.
    (void)rte_log_set_level(RTE_LOGTYPE_EAL, RTE_LOG_EMERG);
    const bool found = rte_devargs_parse(&parsed, device.c_str()) == 0;
    (void)rte_log_set_level(RTE_LOGTYPE_EAL, static_cast<std::uint32_t>(before));
    std::free(parsed.data);
    return found;
}

}  // namespace

std::vector<std::pair<unsigned, Error>> missing_drivers(const config::Config& cfg) {
    for (const std::string& a : cfg.dataplane.eal_args) {
        if (a.starts_with("-d")) return {};  // a driver of the operator's own, from elsewhere
    }
    load_drivers();
    // Without the bus nothing was loaded: the drivers lie where this build does not know.
    if (rte_bus_find_by_name("vdev") == nullptr) return {};
    std::vector<std::pair<unsigned, Error>> out;
    for (const config::PortConfig& p : cfg.dataplane.ports) {
        const auto spec = parse_device(p, 1);
        if (spec && spec->is_pci &&
            ::access(("/sys/bus/pci/devices/" + spec->name).c_str(), F_OK) != 0)
            out.emplace_back(p.origin.line,
                             Error{"port " + p.name, "there is no PCI device " + spec->name +
                                                         " in this host; lspci -D lists them"});
        if (!spec || spec->is_pci || has_driver(spec->name)) continue;
        out.emplace_back(p.origin.line,
                         Error{"port " + p.name, "DPDK has no driver for device \"" + spec->name +
                                                     "\"; drivers are net_af_packet, net_af_xdp, "
                                                     "net_memif, net_tap and what else lies in " +
                                                     RTE_EAL_PMD_PATH});
    }
    return out;
}

}  // namespace isthmus::dpdk
