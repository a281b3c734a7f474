// SPDX-License-Identifier: Apache-2.0
// Gives a fuzz target every file of the folders named, and cut and spoilt copies of each, in a
// fixed order: what a fuzzer once found stays mended. Part of the unit suite.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "test/fuzz/fuzz.h"

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; i++) {
        for (const auto& e : std::filesystem::directory_iterator(argv[i]))
            files.push_back(e.path());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::cerr << "replay: no corpus\n";
        return 1;
    }
    std::size_t runs = 0;
    for (const auto& f : files) {
        std::ifstream in(f, std::ios::binary);
        const std::vector<char> raw{std::istreambuf_iterator<char>(in), {}};
        const std::vector<std::uint8_t> bytes(raw.begin(), raw.end());
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        // An exact copy for each: the sanitizer sees a byte read too far.
        for (std::size_t k = 1; k <= 16 && !bytes.empty(); k++) {
            std::vector<std::uint8_t> cut(bytes.begin(),
                                          bytes.begin() + static_cast<long>(bytes.size() * k / 17));
            LLVMFuzzerTestOneInput(cut.data(), cut.size());
            std::vector<std::uint8_t> spoilt = bytes;
            const std::size_t at = (k * 7919) % spoilt.size();
            spoilt[at] = static_cast<std::uint8_t>(spoilt[at] ^ (1U << (k % 8)));
            LLVMFuzzerTestOneInput(spoilt.data(), spoilt.size());
            runs += 2;
        }
        runs++;
    }
    std::cout << files.size() << " files, " << runs << " runs\n";
    return 0;
}
