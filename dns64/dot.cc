// SPDX-License-Identifier: Apache-2.0
#include "dns64/dot.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

namespace isthmus::dns64 {

namespace {

constexpr unsigned char kAlpn[] = {3, 'd', 'o', 't'};  // RFC 7858 s3.1, IANA ALPN registry

// NOLINTNEXTLINE(readability-function-size): the parameters of a callback are OpenSSL's
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_len, const unsigned char* in,
                unsigned in_len, void*) {
    unsigned char* chosen = nullptr;
    const int rc = SSL_select_next_proto(&chosen, out_len, kAlpn, sizeof kAlpn, in, in_len);
    *out = chosen;
    // Clients that name other protocols only are served all the same: the port says what is spoken.
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Expected<std::shared_ptr<TlsContext>> TlsContext::for_server(const std::string& certificate,
                                                             const std::string& key) {
    auto ctx = tls::new_context(tls::Side::server);
    if (!ctx) return ctx.error();
    if (const auto shown = tls::show_certificate(ctx->get(), certificate); !shown)
        return Error{"dns64.tls_certificate", shown.error().text()};
    if (const auto used = tls::use_key(ctx->get(), key, certificate); !used)
        return Error{"dns64.tls_key", used.error().text()};
    SSL_CTX_set_alpn_select_cb(ctx->get(), choose_alpn, nullptr);
    return std::shared_ptr<TlsContext>(new TlsContext(std::move(*ctx)));
}

Expected<std::shared_ptr<TlsContext>> TlsContext::for_client(const std::string& ca) {
    auto ctx = tls::new_context(tls::Side::client);
    if (!ctx) return ctx.error();
    if (const auto trusted = tls::verify_by(ctx->get(), ca); !trusted)
        return Error{"dns64.tls_ca", trusted.error().text()};
    SSL_CTX_set_alpn_protos(ctx->get(), kAlpn, sizeof kAlpn);
    return std::shared_ptr<TlsContext>(new TlsContext(std::move(*ctx)));
}

TlsSession::TlsSession(const TlsContext& context, int fd) : ssl_(SSL_new(context.ctx_.get())) {
    SSL_set_fd(ssl_, fd);
    SSL_set_accept_state(ssl_);
}

TlsSession::TlsSession(const TlsContext& context, int fd, const std::string& name)
    : ssl_(SSL_new(context.ctx_.get())) {
    SSL_set_fd(ssl_, fd);
    SSL_set_connect_state(ssl_);
    tls::expect_name(ssl_, name);
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
    std::string reason = tls::last_reason();
    return reason.empty() ? "unknown reason" : reason;
}

}  // namespace isthmus::dns64
