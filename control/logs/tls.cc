// SPDX-License-Identifier: Apache-2.0
#include "control/logs/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace isthmus::control {

namespace {

std::string last_error() {
    std::string reason = tls::last_reason();
    if (!reason.empty()) return reason;
    return errno != 0 ? std::strerror(errno) : "the connection ended";
}

}  // namespace

Expected<std::unique_ptr<TlsClient>> TlsClient::create(const config::LogOutlet::Tls& settings,
                                                       const std::string& address, int fd) {
    std::unique_ptr<TlsClient> out(new TlsClient);
    auto ctx = tls::new_context(tls::Side::client);
    if (!ctx) return ctx.error();
    out->ctx_ = std::move(*ctx);
    if (const auto trusted = tls::verify_by(out->ctx_.get(), settings.ca); !trusted)
        return trusted.error();
    if (const std::string& own = settings.certificate; !own.empty()) {
        if (const auto shown = tls::show_certificate(out->ctx_.get(), own); !shown)
            return shown.error();
        if (const auto used = tls::use_key(out->ctx_.get(), settings.key, own); !used)
            return used.error();
    }
    out->ssl_ = SSL_new(out->ctx_.get());
    if (out->ssl_ == nullptr) return Error{"TLS", last_error()};
    SSL_set_fd(out->ssl_, fd);
    SSL_set_connect_state(out->ssl_);
    tls::expect_name(out->ssl_, settings.name.empty() ? address : settings.name);
    return out;
}

TlsClient::~TlsClient() {
    ERR_clear_error();
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) (void)SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ERR_clear_error();
}

TlsClient::Outcome TlsClient::outcome_of(int rc) {
    switch (SSL_get_error(ssl_, rc)) {
        case SSL_ERROR_NONE:
            return Outcome::done;
        case SSL_ERROR_WANT_READ:
            return Outcome::want_read;
        case SSL_ERROR_WANT_WRITE:
            return Outcome::want_write;
        case SSL_ERROR_ZERO_RETURN:
            why_ = "closed the connection";
            return Outcome::closed;
        default:
            break;
    }
    const long verdict = SSL_get_verify_result(ssl_);
    why_ = verdict != X509_V_OK
               ? std::string("its certificate: ") + X509_verify_cert_error_string(verdict)
               : last_error();
    return Outcome::failed;
}

TlsClient::Outcome TlsClient::handshake() {
    ERR_clear_error();
    errno = 0;
    return outcome_of(SSL_do_handshake(ssl_));
}

TlsClient::Outcome TlsClient::write(std::string_view bytes, std::size_t& n) {
    ERR_clear_error();
    errno = 0;
    n = 0;
    return outcome_of(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &n));
}

TlsClient::Outcome TlsClient::read_away() {
    std::array<char, 1024> unread{};
    for (;;) {
        ERR_clear_error();
        errno = 0;
        std::size_t n = 0;
        const Outcome o = outcome_of(SSL_read_ex(ssl_, unread.data(), unread.size(), &n));
        if (o != Outcome::done) return o;
    }
}

std::string TlsClient::why() const { return why_; }

}  // namespace isthmus::control
