// SPDX-License-Identifier: Apache-2.0
// What makes no sense on a command line is said in an operator's words, with the command and the
// way to its help.
#include <catch2/catch.hpp>
#include <iostream>
#include <sstream>

#include "common/args/command.h"

using isthmus::args::Command;

namespace {

/// What is said of these words; the exit status is 2 in any case.
std::string said_of(const std::vector<std::string>& words) {
    std::string socket, protocol, address;
    unsigned limit = 1;
    double interval = 1;
    std::vector<std::string> session;
    Command app("ctl", "a program");
    app.require_subcommand();
    app.fallthrough();
    app.add_option("--socket", socket, "a file");
    auto* list = app.add_subcommand("list", "a list")->fallthrough();
    list->add_option("--limit", limit, "rows")->in_range(1, 9);
    list->add_option("--protocol", protocol, "one")->one_of({"tcp", "udp"});
    list->add_option("--interval", interval, "seconds")->in_range(0.2, 3600.0);
    list->add_option("--session", session, "five words")->expected(5, 5);
    list->add_option("--back", limit, "how many");
    app.add_subcommand("add", "add")
        ->fallthrough()
        ->add_option("address", address, "x")
        ->required();
    std::ostringstream out;
    std::streambuf* const before = std::cerr.rdbuf(out.rdbuf());
    const auto status = app.parse(words);
    std::cerr.rdbuf(before);
    CHECK(status == 2);
    return out.str();
}

}  // namespace

TEST_CASE("a command line that makes no sense is answered in plain words") {
    const std::string help = "; see ctl list --help\n";
    CHECK(said_of({"list", "--limit", "0"}) ==
          "ctl list: --limit: \"0\" is no number from 1 to 9" + help);
    CHECK(said_of({"list", "--limit", ""}) ==
          "ctl list: --limit: \"\" is no number from 1 to 9" + help);
    CHECK(said_of({"list", "--interval", "x"}) ==
          "ctl list: --interval: \"x\" is no number from 0.2 to 3600" + help);
    CHECK(said_of({"list", "--back", "x"}) == "ctl list: --back: \"x\" is no number" + help);
    CHECK(said_of({"list", "--protocol", "sctp"}) ==
          "ctl list: --protocol: sctp is none of tcp, udp" + help);
    CHECK(said_of({"list", "--limit"}) == "ctl list: --limit needs a value" + help);
    CHECK(said_of({"list", "--limit", "1", "--limit", "2"}) ==
          "ctl list: --limit is given more than once" + help);
    CHECK(said_of({"list", "--session", "a", "b"}) ==
          "ctl list: --session needs 5 words and has 2" + help);
    CHECK(said_of({"list", "surplus"}) == "ctl list: \"surplus\" is one word too many" + help);
    CHECK(said_of({"list", "--nonsense"}) == "ctl list has no flag \"--nonsense\"" + help);
    CHECK(said_of({"add"}) == "ctl add: address is required; see ctl add --help\n");
    CHECK(said_of({"--socket"}) == "ctl: --socket needs a value; see ctl --help\n");
    CHECK(said_of({}) == "ctl needs a command: list, add\n");
    CHECK(said_of({"lsit"}) == "ctl has no \"lsit\"; it has list, add\n");
}
