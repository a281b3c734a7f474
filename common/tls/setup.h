// SPDX-License-Identifier: Apache-2.0
// What every TLS connection of ours begins with, by OpenSSL: versions, files, whose certificate is
// taken. What goes over it is the caller's.
#pragma once

#include <memory>
#include <string>

#include "common/base/expected.h"

struct ssl_ctx_st;
struct ssl_st;

namespace isthmus::tls {

struct FreeContext {
    void operator()(ssl_ctx_st* ctx) const;
};
using Context = std::unique_ptr<ssl_ctx_st, FreeContext>;
enum class Side : bool { client, server };

/// TLS 1.2 at least, for sockets that do not block; without renegotiation and compression.
[[nodiscard]] Expected<Context> new_context(Side side);
/// The far end is verified by `ca`; empty: by the system's certificates.
[[nodiscard]] Status verify_by(ssl_ctx_st* ctx, const std::string& ca);
/// What we show of ourselves; errors name the file.
[[nodiscard]] Status show_certificate(ssl_ctx_st* ctx, const std::string& file);
[[nodiscard]] Status use_key(ssl_ctx_st* ctx, const std::string& file,
                             const std::string& certificate);
/// The far end's certificate must bear `name`, a host name or an address.
void expect_name(ssl_st* ssl, const std::string& name);

/// Why OpenSSL's last call failed, which it forgets by that; empty: it does not say.
[[nodiscard]] std::string last_reason();

}  // namespace isthmus::tls
