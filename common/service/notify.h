// SPDX-License-Identifier: Apache-2.0
// What a program tells the service manager (sd_notify(3)). Outside of systemd nothing of this does
// anything.
#pragma once

#include <cstdint>
#include <string>

namespace isthmus::service {

/// From now on requests are served; `status` is the line that systemctl status shows.
void ready(const std::string& status);
void reloading();
void stopping();

/// "I am alive", at half the interval that the unit's WatchdogSec asks for. A program that stands
/// still, or says so itself by not calling alive(), is killed and started again.
class Watchdog {
public:
    Watchdog();
    [[nodiscard]] bool wanted() const { return every_us_ != 0; }
    /// Cheap: a clock read, and a datagram when it is due.
    void alive();

private:
    std::uint64_t every_us_ = 0, next_us_ = 0;
};

}  // namespace isthmus::service
