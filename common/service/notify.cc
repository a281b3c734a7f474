// SPDX-License-Identifier: Apache-2.0
#include "common/service/notify.h"

#include <systemd/sd-daemon.h>

#include <ctime>

namespace isthmus::service {

namespace {

std::uint64_t now_us() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec) / 1000;
}

}  // namespace

void ready(const std::string& status) { (void)sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }

void reloading() {
    // MONOTONIC_USEC: asked for by Type=notify-reload of systemd 253 and later, ignored before.
    const std::string text = "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us());
    (void)sd_notify(0, text.c_str());
}

void stopping() { (void)sd_notify(0, "STOPPING=1"); }

Watchdog::Watchdog() {
    std::uint64_t limit_us = 0;
    if (sd_watchdog_enabled(0, &limit_us) > 0) every_us_ = limit_us / 2;
}

void Watchdog::alive() {
    if (every_us_ == 0) return;
    const std::uint64_t now = now_us();
    if (now < next_us_) return;
    next_us_ = now + every_us_;
    (void)sd_notify(0, "WATCHDOG=1");
}

}  // namespace isthmus::service
