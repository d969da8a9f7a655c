// A backup as `clavigerd restore` reads it, from whoever gives one.
#include <algorithm>
#include <optional>
#include <string>

#include "core/backup_decoder.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

// What may come after what, and how much of it.
class OrderedSink final : public BackupSink {
 public:
  absl::Status OnHeader(const BackupHeader& header) override {
    FUZZ_CHECK(!header_.has_value());
    header_ = header;
    return absl::OkStatus();
  }
  absl::Status OnFile(const BackupFile& file) override {
    FUZZ_CHECK(header_.has_value() && !open_ && files_ < header_->files.size());
    FUZZ_CHECK(file == header_->files[files_]);
    // It is made in a folder by that name.
    FUZZ_CHECK(file.name.find_first_of("/\\") == std::string::npos && file.name != "..");
    open_ = true;
    left_ = file.bytes;
    return absl::OkStatus();
  }
  absl::Status OnBytes(std::string_view bytes) override {
    FUZZ_CHECK(open_ && bytes.size() <= left_);
    left_ -= bytes.size();
    return absl::OkStatus();
  }
  absl::Status OnFileEnd() override {
    FUZZ_CHECK(open_ && left_ == 0);
    open_ = false;
    ++files_;
    return absl::OkStatus();
  }
  bool IsWhole() const { return header_.has_value() && files_ == header_->files.size() && !open_; }

 private:
  std::optional<BackupHeader> header_;
  bool open_ = false;
  size_t files_ = 0;
  uint64_t left_ = 0;
};

absl::StatusCode Read(std::string_view input, size_t step, OrderedSink& sink) {
  BackupDecoder decoder(&sink);
  absl::Status status;
  for (size_t at = 0; at < input.size() && status.ok(); at += step) {
    status = decoder.Add(input.substr(at, step));
    FUZZ_CHECK(decoder.taken() <= input.size());
  }
  if (status.ok()) status = decoder.Finish();
  if (const BackupHeader* header = decoder.header()) {
    FUZZ_CHECK(input.starts_with(RenderBackupHeader(*header)));
  }
  return status.code();
}

void CheckBackup(std::string_view input) {
  OrderedSink sink;
  const absl::StatusCode code = Read(input, std::max<size_t>(input.size(), 1), sink);
  FUZZ_CHECK(code != absl::StatusCode::kOk || sink.IsWhole());
  // However it comes, it is the same.
  for (const size_t step : {size_t{1}, size_t{7}}) {
    OrderedSink other;
    FUZZ_CHECK(Read(input, step, other) == code);
  }
  if (code != absl::StatusCode::kOk) return;
  OrderedSink longer;
  OrderedSink shorter;
  FUZZ_CHECK(Read(std::string(input) + "x", input.size(), longer) == absl::StatusCode::kDataLoss);
  FUZZ_CHECK(Read(input.substr(0, input.size() - 1), input.size(), shorter) ==
             absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(backup) { claviger::CheckBackup(input); }
