// SPDX-License-Identifier: Apache-2.0
// Before anything else of the program or its libraries: is the CPU new enough? DPDK's libraries and
// our own use instructions of their level from their first line on, and an older CPU would only say
// "Illegal instruction". This file is compiled for the oldest x86-64.
#include <unistd.h>

#include <cstring>

#include "common/base/cpu_level.h"

namespace {

void say(const char* text) { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

void look(int, char**, char**) {
    constexpr auto kNeeded = static_cast<isthmus::cpu::Level>(ISTHMUS_CPU_FLOOR);
    const char* const missing = isthmus::cpu::missing_for(kNeeded);
    if (missing == nullptr) return;
    say("error: this CPU is too old for isthmus-dataplane: it has no ");
    say(missing);
    say(", which belongs to ");
    say(isthmus::cpu::name_of(kNeeded).data());
    say(" (every x86 server CPU since 2013; a virtual machine may need cpu=host)\n");
    _exit(1);
}

// The dynamic linker calls these before the constructors of any library.
[[gnu::section(".preinit_array"), gnu::used]] void (*const kLookFirst)(int, char**, char**) = &look;

}  // namespace
