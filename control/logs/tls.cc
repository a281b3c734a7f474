// SPDX-License-Identifier: Apache-2.0
#include "control/logs/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace isthmus::control {

namespace {

std::string last_error() {
    const unsigned long e = ERR_peek_last_error();
    const char* const reason = e == 0 ? nullptr : ERR_reason_error_string(e);
    ERR_clear_error();
    return reason != nullptr ? reason : errno != 0 ? std::strerror(errno) : "the connection ended";
}

}  // namespace

Expected<std::unique_ptr<TlsClient>> TlsClient::create(const config::LogOutlet::Tls& settings,
                                                       const std::string& address, int fd) {
    std::unique_ptr<TlsClient> out(new TlsClient);
    out->ctx_ = SSL_CTX_new(TLS_client_method());
    if (out->ctx_ == nullptr) return Error{"TLS", last_error()};
    SSL_CTX_set_min_proto_version(out->ctx_, TLS1_2_VERSION);
    SSL_CTX_set_mode(out->ctx_,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(out->ctx_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(out->ctx_, SSL_VERIFY_PEER, nullptr);
    const std::string& ca = settings.ca;
    const int trusted = ca.empty() ? SSL_CTX_set_default_verify_paths(out->ctx_)
                                   : SSL_CTX_load_verify_locations(out->ctx_, ca.c_str(), nullptr);
    if (trusted != 1) return Error{ca.empty() ? "the system's certificates" : ca, last_error()};
    const std::string &own = settings.certificate, &key = settings.key;
    if (!own.empty() && SSL_CTX_use_certificate_chain_file(out->ctx_, own.c_str()) != 1)
        return Error{own, last_error()};
    if (!own.empty() && SSL_CTX_use_PrivateKey_file(out->ctx_, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return Error{key, last_error()};
    out->ssl_ = SSL_new(out->ctx_);
    if (out->ssl_ == nullptr) return Error{"TLS", last_error()};
    SSL_set_fd(out->ssl_, fd);
    SSL_set_connect_state(out->ssl_);
    if (settings.name.empty()) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(out->ssl_), address.c_str());
    } else {
        SSL_set1_host(out->ssl_, settings.name.c_str());
        SSL_set_tlsext_host_name(out->ssl_, settings.name.c_str());
    }
    return out;
}

TlsClient::~TlsClient() {
    ERR_clear_error();
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) (void)SSL_shutdown(ssl_);
    SSL_free(ssl_);
    SSL_CTX_free(ctx_);
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
