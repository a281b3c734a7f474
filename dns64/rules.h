// SPDX-License-Identifier: Apache-2.0
// What a reload replaces, whole: the configuration, the policy made from it, and for each view the
// tag under which its answers lie in the cache.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "common/config/parse.h"
#include "dns64/cookie.h"
#include "dns64/policy.h"

namespace isthmus::dns64 {

struct Rules {
    config::Config config;
    std::unique_ptr<Policy> policy;
    /// By View::id. Made from all that an answer of the view depends on: views with the same
    /// content have the same tag, also across reloads; never kAllViews.
    std::vector<std::uint32_t> view_tags;
    /// For cookies towards clients; without one the server draws its own.
    std::optional<CookieSecret> cookie_secret, cookie_secret_previous;

    /// `avoided`: prefixes whose gateway is not well, see Policy::compile().
    [[nodiscard]] static Expected<std::shared_ptr<const Rules>> make(
        const config::Config& c, const std::vector<Pref64>& avoided = {});
};

/// Who may ask when dns64.allow is empty: the host itself and its links (fe80::/10).
[[nodiscard]] std::vector<config::Network> local_networks();

}  // namespace isthmus::dns64
