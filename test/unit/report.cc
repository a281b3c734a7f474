// SPDX-License-Identifier: Apache-2.0
// A note of what ran, beside Catch2's main: with ISTHMUS_TEST_REPORTS set to a folder each test
// case adds a line "passed NAME" or "failed NAME" to a file there, for scripts/check_compliance.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
#include <cerrno>  // program_invocation_short_name
#include <cstdlib>
#include <fstream>

namespace {

struct Report : Catch::TestEventListenerBase {
    using TestEventListenerBase::TestEventListenerBase;

    void testRunStarting(const Catch::TestRunInfo& info) override {
        TestEventListenerBase::testRunStarting(info);
        const char* folder = std::getenv("ISTHMUS_TEST_REPORTS");
        if (folder != nullptr)
            file_.open(std::string(folder) + "/" + program_invocation_short_name + ".txt");
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        file_ << (stats.totals.assertions.allOk() ? "passed " : "failed ") << stats.testInfo.name
              << std::endl;
    }

private:
    std::ofstream file_;
};

}  // namespace

CATCH_REGISTER_LISTENER(Report)
