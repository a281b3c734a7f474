// SPDX-License-Identifier: Apache-2.0
// In place of the other xdp files where libxdp was not found (meson's option `xdp`).
#include "dns64/xdp.h"

namespace isthmus::dns64 {

bool has_xdp() { return false; }

Expected<std::unique_ptr<XdpInterface>> open_xdp(const std::string& interface,
                                                 const std::vector<config::Endpoint>&, unsigned) {
    return Error{"dns64.listen xdp:" + interface, "this program was built without libxdp"};
}

Expected<std::vector<config::Endpoint>> addresses_of(const std::string& interface) {
    return Error{"dns64.listen xdp:" + interface, "this program was built without libxdp"};
}

Status drop_xdp_capabilities() { return Done{}; }

}  // namespace isthmus::dns64
