// SPDX-License-Identifier: Apache-2.0
// An HTTP port: a few pages, each made by a function. Reads only: other methods than GET and
// HEAD are refused, and nothing that is asked for changes anything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/expected.h"

struct mg_context;
struct mg_connection;

namespace isthmus::http {

struct HttpPage {
    std::string path, type;
    std::function<std::string()> make;  // called on the server's threads
};

class HttpServer {
public:
    /// An error says that the address cannot be had, and what to do.
    /// `key`: of the configuration, where the address is written.
    [[nodiscard]] static Expected<std::unique_ptr<HttpServer>> listen(const std::string& key,
                                                                      const std::string& address,
                                                                      unsigned port,
                                                                      std::vector<HttpPage> pages);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

private:
    explicit HttpServer(std::vector<HttpPage> pages) : pages_(std::move(pages)) {}
    static int handle(mg_connection* c, void* self);
    int answer(mg_connection* c, const std::string& path, bool with_body) const;

    std::vector<HttpPage> pages_;
    mg_context* server_ = nullptr;
};

}  // namespace isthmus::http
