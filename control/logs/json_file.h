// SPDX-License-Identifier: Apache-2.0
// The NAT's log as JSON, one object a line, in a file that is rotated by size and age: FILE is the
// newest, FILE.1 the one before, and so on. Other programs may move, remove or truncate it.
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
    struct Rotation {
        std::uint64_t max_bytes = 0;
        unsigned max_files = 1;        // the newest included
        std::uint64_t max_age_ns = 0;  // of its first line; 0: any
    };
    JsonFile(std::string path, Rotation rotation) : path_(std::move(path)), rotation_(rotation) {}
    ~JsonFile() override;
    Status deliver(const LogBatch& batch) override;
    Status tick() override;

private:
    Status open();
    Status mend();
    void close();
    Status reopen_when_moved();
    void learn(std::string_view tail);
    void learn_age();
    [[nodiscard]] bool is_old();
    [[nodiscard]] bool is_written(const std::string& instance, const api::Event& e) const;
    void note_written(const std::string& instance, std::span<const LogRecord> records);
    Status write_all(const std::string& text);
    Status rotate();

    std::string path_;
    Rotation rotation_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
    std::uint64_t begun_ns_ = 0;  // Unix time of the first line; 0: there is none
    bool mended_ = false;         // what was left at our start is looked at once
    bool unsynced_ = false;
    std::int64_t synced_ns_ = 0;
    std::string instance_;                            // of the newest lines
    std::map<std::uint64_t, std::uint64_t> written_;  // worker -> its newest number in the file
};

}  // namespace isthmus::control
