// SPDX-License-Identifier: Apache-2.0
// The NAT's log as JSON, one object a line, in a file that is rotated by size: FILE is the newest,
// FILE.1 the one before, and so on.
//
// A line is written whole or not at all: what a full disk, or the death of a control before us,
// left of one is cut off. A record is written once: what the end of the file already has of a batch
// that comes again is left out. Once a second what was written is forced to the disk.
#pragma once

#include <map>

#include "control/logs/record.h"

namespace isthmus::control {

/// One line, without its end.
[[nodiscard]] std::string json_line(const std::string& instance, const LogRecord& r);

class JsonFile final : public LogSink {
public:
    JsonFile(std::string path, std::uint64_t max_bytes, unsigned max_files)
        : path_(std::move(path)), max_bytes_(max_bytes), max_files_(max_files) {}
    ~JsonFile() override;
    Status deliver(const LogBatch& batch) override;
    Status tick() override;

private:
    Status open();
    Status mend();
    void close();
    void learn(const std::string& tail);
    [[nodiscard]] bool is_written(const std::string& instance, const api::Event& e) const;
    void note_written(const std::string& instance, std::span<const LogRecord> records);
    Status write_all(const std::string& text);
    Status rotate();

    std::string path_;
    std::uint64_t max_bytes_;
    unsigned max_files_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
    bool mended_ = false;  // what was left at our start is looked at once
    bool unsynced_ = false;
    std::uint64_t synced_ns_ = 0;
    std::string instance_;                            // of the newest lines
    std::map<std::uint64_t, std::uint64_t> written_;  // worker -> its newest number in the file
};

}  // namespace isthmus::control
