// SPDX-License-Identifier: Apache-2.0
// A configuration file of any content: errors or a model, never a crash; and the canonical text of
// what was accepted is accepted, and is its own canonical text.
#include <string>

#include "common/config/parse.h"
#include "test/fuzz/fuzz.h"

/// libconfig's own: it forgets its buffer when a string has no end (64 octets for a refused file).
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the sanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:libconfig\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace isthmus::config;
    const std::string text(reinterpret_cast<const char*>(data), size);
    // libconfig would read files that the text names.
    if (text.find("@include") != std::string::npos) return 0;
    const Loaded first = load_text(text, "fuzz");
    if (!first.ok()) {
        fuzz::require(!first.error_text().empty(), "refused without a word");
        return 0;
    }
    const std::string canonical = to_text(first.config.nat64);
    const Loaded second = load_text(canonical, "canonical");
    fuzz::require(second.ok(), "its own text is refused");
    fuzz::require(to_text(second.config.nat64) == canonical, "the canonical text changes");
    return 0;
}
