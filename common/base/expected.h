// SPDX-License-Identifier: Apache-2.0
// Expected<T>: a value, or an Error that says where and what. For the control path (configuration,
// sockets, files); the packet path returns a Drop reason instead (common/stats/drop.h).
//
// An Error is for an operator: `where` is a place he can go to ("isthmus.conf:12", "port p0"),
// `what` says what is wrong and what to do about it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace isthmus {

struct Error {
    std::string where;
    std::string what;
    int code = 0;  // for programs, on a socket (common/api/rpc.h); 0: none of its own

    [[nodiscard]] std::string text() const { return where.empty() ? what : where + ": " + what; }
};

template <typename T>
class [[nodiscard]] Expected {
public:
    // Implicit on purpose: what is returned is one of the two.
    Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] T& value() { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const { return std::get<0>(state_); }
    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

private:
    std::variant<T, Error> state_;
};

/// Success without a value.
struct Done {};
using Status = Expected<Done>;

}  // namespace isthmus
