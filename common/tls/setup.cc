// SPDX-License-Identifier: Apache-2.0
#include "common/tls/setup.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace isthmus::tls {

namespace {

std::string reason() {
    const std::string said = last_reason();
    return said.empty() ? "unknown reason" : said;
}

}  // namespace

void FreeContext::operator()(ssl_ctx_st* ctx) const { SSL_CTX_free(ctx); }

Expected<Context> new_context(Side side) {
    Context ctx(SSL_CTX_new(side == Side::server ? TLS_server_method() : TLS_client_method()));
    if (!ctx) return Error{"TLS", reason()};
    SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return ctx;
}

Status verify_by(ssl_ctx_st* ctx, const std::string& ca) {
    const int rc = ca.empty() ? SSL_CTX_set_default_verify_paths(ctx)
                              : SSL_CTX_load_verify_locations(ctx, ca.c_str(), nullptr);
    if (rc != 1) return Error{ca.empty() ? "the system's certificates" : ca, reason()};
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    return Done{};
}

Status show_certificate(ssl_ctx_st* ctx, const std::string& file) {
    if (SSL_CTX_use_certificate_chain_file(ctx, file.c_str()) != 1) return Error{file, reason()};
    return Done{};
}

Status use_key(ssl_ctx_st* ctx, const std::string& file, const std::string& certificate) {
    if (SSL_CTX_use_PrivateKey_file(ctx, file.c_str(), SSL_FILETYPE_PEM) == 1) return Done{};
    const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    const std::string why = reason();
    if (other) return Error{"", file + " is not the key of " + certificate};
    return Error{file, why};
}

void expect_name(ssl_st* ssl, const std::string& name) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1) return;
    ERR_clear_error();  // not an address
    SSL_set1_host(ssl, name.c_str());
    SSL_set_tlsext_host_name(ssl, name.c_str());
}

std::string last_reason() {
    const unsigned long e = ERR_peek_last_error();
    const char* const reason = e == 0 ? nullptr : ERR_reason_error_string(e);
    ERR_clear_error();
    return reason == nullptr ? "" : reason;
}

}  // namespace isthmus::tls
