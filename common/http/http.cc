// SPDX-License-Identifier: Apache-2.0
#include "common/http/http.h"

#include <arpa/inet.h>
#include <civetweb.h>

#include <array>

namespace isthmus::http {

namespace {

/// Nothing is loaded from elsewhere, nothing is sent elsewhere; the status page's style and script
/// are inside it.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src "
    "'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Answer {
    int status = 200;
    const char* reason = "OK";
    std::string type = "text/plain; charset=utf-8", body;
};

void send(mg_connection* c, const Answer& a, bool with_body) {
    mg_printf(c,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
              "Referrer-Policy: no-referrer\r\nContent-Security-Policy: %s\r\n%s"
              "Connection: close\r\n\r\n",
              a.status, a.reason, a.type.c_str(), a.body.size(), kPolicy,
              a.status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body) mg_write(c, a.body.data(), a.body.size());
}

}  // namespace

Expected<std::unique_ptr<HttpServer>> HttpServer::listen(const std::string& key,
                                                         const std::string& address, unsigned port,
                                                         std::vector<HttpPage> pages) {
    in_addr v4{};
    in6_addr v6{};
    const bool is6 = ::inet_pton(AF_INET6, address.c_str(), &v6) == 1;
    const std::string where = (is6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
    if (!is6 && ::inet_pton(AF_INET, address.c_str(), &v4) != 1)
        return Error{key, "\"" + address + "\" is no IPv4 or IPv6 address"};
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(pages)));
    // Whoever opens connections and says nothing holds a thread for the timeout each: sixty of them
    // delay a scrape by four seconds, not by more than a minute.
    std::array options{"listening_ports",
                       where.c_str(),
                       "num_threads",
                       "16",
                       "request_timeout_ms",
                       "1000",
                       "enable_keep_alive",
                       "no",
                       "enable_directory_listing",
                       "no",
                       static_cast<const char*>(nullptr)};
    mg_callbacks callbacks{};
    callbacks.log_message = [](const mg_connection*, const char*) { return 1; };  // we say it
    std::array<char, 256> text{};
    mg_error_data error{};
    error.text = text.data();
    error.text_buffer_size = text.size();
    mg_init_data init{};
    init.callbacks = &callbacks;
    init.user_data = server.get();
    init.configuration_options = options.data();
    server->server_ = mg_start2(&init, &error);
    if (server->server_ == nullptr)
        return Error{key, "cannot listen on " + where +
                              ": is the port in use, or the address not of this host? (" +
                              text.data() + ")"};
    mg_set_request_handler(server->server_, "**", &HttpServer::handle, server.get());
    return server;
}

HttpServer::~HttpServer() {
    if (server_ != nullptr) mg_stop(server_);
}

int HttpServer::handle(mg_connection* c, void* self) {
    const mg_request_info* request = mg_get_request_info(c);
    const std::string method = request->request_method;
    if (method != "GET" && method != "HEAD") {
        send(c, {405, "Method Not Allowed", "text/plain", "only GET and HEAD\n"}, true);
        return 405;
    }
    const std::string path = request->local_uri == nullptr ? "" : request->local_uri;
    return static_cast<const HttpServer*>(self)->answer(c, path, method == "GET");
}

int HttpServer::answer(mg_connection* c, const std::string& path, bool with_body) const {
    for (const HttpPage& p : pages_) {
        if (p.path != path) continue;
        send(c, {200, "OK", p.type, p.make()}, with_body);
        return 200;
    }
    std::string there;
    for (const HttpPage& p : pages_) there += " " + p.path;
    send(c, {404, "Not Found", "text/plain; charset=utf-8", "there is:" + there + "\n"}, with_body);
    return 404;
}

}  // namespace isthmus::http
