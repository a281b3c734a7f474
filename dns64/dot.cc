// SPDX-License-Identifier: Apache-2.0
#include "dns64/dot.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/net/addr.h"

namespace isthmus::dns64 {

namespace {

constexpr unsigned char kAlpn[] = {3, 'd', 'o', 't'};  // RFC 7858 s3.1, IANA ALPN registry

std::string last_error() {
    const unsigned long e = ERR_peek_last_error();
    const char* reason = e == 0 ? nullptr : ERR_reason_error_string(e);
    ERR_clear_error();
    return reason == nullptr ? "unknown reason" : reason;
}

// NOLINTNEXTLINE(readability-function-size): the parameters of a callback are OpenSSL's
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_len, const unsigned char* in,
                unsigned in_len, void*) {
    unsigned char* chosen = nullptr;
    const int rc = SSL_select_next_proto(&chosen, out_len, kAlpn, sizeof kAlpn, in, in_len);
    *out = chosen;
    // Clients that name other protocols only are served all the same: the port says what is spoken.
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX* new_context(const SSL_METHOD* method) {
    SSL_CTX* ctx = SSL_CTX_new(method);
    if (ctx == nullptr) return nullptr;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return ctx;
}

}  // namespace

Expected<std::shared_ptr<TlsContext>> TlsContext::for_server(const std::string& certificate,
                                                             const std::string& key) {
    SSL_CTX* ctx = new_context(TLS_server_method());
    if (ctx == nullptr) return Error{"TLS", last_error()};
    std::shared_ptr<TlsContext> out(new TlsContext(ctx));
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate.c_str()) != 1)
        return Error{"dns64.tls_certificate", certificate + ": " + last_error()};
    if (SSL_CTX_use_PrivateKey_file(ctx, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
        const std::string why = last_error();
        return Error{"dns64.tls_key",
                     key + (other ? " is not the key of " + certificate : ": " + why)};
    }
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, nullptr);
    return out;
}

Expected<std::shared_ptr<TlsContext>> TlsContext::for_client(const std::string& ca) {
    SSL_CTX* ctx = new_context(TLS_client_method());
    if (ctx == nullptr) return Error{"TLS", last_error()};
    std::shared_ptr<TlsContext> out(new TlsContext(ctx));
    const int rc = ca.empty() ? SSL_CTX_set_default_verify_paths(ctx)
                              : SSL_CTX_load_verify_locations(ctx, ca.c_str(), nullptr);
    if (rc != 1)
        return Error{"dns64.tls_ca",
                     (ca.empty() ? "the system's certificates" : ca) + ": " + last_error()};
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_alpn_protos(ctx, kAlpn, sizeof kAlpn);
    return out;
}

TlsContext::~TlsContext() { SSL_CTX_free(ctx_); }

TlsSession::TlsSession(const TlsContext& context, int fd) : ssl_(SSL_new(context.ctx_)) {
    SSL_set_fd(ssl_, fd);
    SSL_set_accept_state(ssl_);
}

TlsSession::TlsSession(const TlsContext& context, int fd, const std::string& name)
    : ssl_(SSL_new(context.ctx_)) {
    SSL_set_fd(ssl_, fd);
    SSL_set_connect_state(ssl_);
    if (Ipv4Addr::parse(name) || Ipv6Addr::parse(name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
    } else {
        SSL_set1_host(ssl_, name.c_str());
        SSL_set_tlsext_host_name(ssl_, name.c_str());
    }
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession::Outcome TlsSession::outcome_of(int rc) {
    switch (SSL_get_error(ssl_, rc)) {
        case SSL_ERROR_NONE:
            return Outcome::done;
        case SSL_ERROR_WANT_READ:
            return Outcome::want_read;
        case SSL_ERROR_WANT_WRITE:
            return Outcome::want_write;
        case SSL_ERROR_ZERO_RETURN:
            return Outcome::closed;
        default:
            return Outcome::failed;
    }
}

TlsSession::Outcome TlsSession::handshake() {
    ERR_clear_error();
    return outcome_of(SSL_do_handshake(ssl_));
}

TlsSession::Io TlsSession::read(std::span<std::uint8_t> to) {
    ERR_clear_error();
    Io io;
    const int rc = SSL_read_ex(ssl_, to.data(), to.size(), &io.n);
    io.outcome = outcome_of(rc);
    return io;
}

TlsSession::Io TlsSession::write(std::span<const std::uint8_t> from) {
    ERR_clear_error();
    Io io;
    const int rc = SSL_write_ex(ssl_, from.data(), from.size(), &io.n);
    io.outcome = outcome_of(rc);
    return io;
}

bool TlsSession::has_pending() const { return SSL_has_pending(ssl_) == 1; }

void TlsSession::shut_down() {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_)) (void)SSL_shutdown(ssl_);
    ERR_clear_error();
}

std::string TlsSession::why() const {
    const long verdict = SSL_get_verify_result(ssl_);
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    return last_error();
}

}  // namespace isthmus::dns64
