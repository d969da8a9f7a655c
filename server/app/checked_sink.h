// A backup whose header is looked at before anything else of it is taken.
#ifndef CLAVIGER_SERVER_APP_CHECKED_SINK_H_
#define CLAVIGER_SERVER_APP_CHECKED_SINK_H_

#include <functional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "core/backup_decoder.h"

namespace claviger {

// Hands a backup on once its header was found good.
class CheckedSink final : public BackupSink {
 public:
  using Check = std::function<absl::Status(const BackupHeader&)>;
  // `next`, which may be null, outlives this.
  CheckedSink(BackupSink* next, Check check) : next_(next), check_(std::move(check)) {}

  absl::Status OnHeader(const BackupHeader& header) override {
    absl::Status taken = next_ != nullptr ? next_->OnHeader(header) : absl::OkStatus();
    return taken.ok() ? check_(header) : taken;
  }
  absl::Status OnFile(const BackupFile& file) override {
    return next_ != nullptr ? next_->OnFile(file) : absl::OkStatus();
  }
  absl::Status OnBytes(std::string_view bytes) override {
    return next_ != nullptr ? next_->OnBytes(bytes) : absl::OkStatus();
  }
  absl::Status OnFileEnd() override {
    return next_ != nullptr ? next_->OnFileEnd() : absl::OkStatus();
  }

 private:
  BackupSink* const next_;
  const Check check_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_CHECKED_SINK_H_
