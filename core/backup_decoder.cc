#include "core/backup_decoder.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kHeaderEnd = "\n\n";
constexpr size_t kHashBytes = Sha256Bytes().size();

absl::Status Damaged(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build("the backup is damaged: " + std::move(message));
}

}  // namespace

bool BackupDecoder::Gather(size_t wanted, std::string_view& bytes) {
  const size_t count = std::min(wanted - pending_.size(), bytes.size());
  pending_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  return pending_.size() == wanted;
}

absl::Status BackupDecoder::TakeHeader(std::string_view& bytes) {
  // The end may stand across two pieces.
  const size_t searched_to = pending_.empty() ? 0 : pending_.size() - 1;
  const size_t before = pending_.size();
  pending_.append(bytes.substr(0, kMaxBackupHeaderBytes - before));
  if (!pending_.starts_with(kBackupBegin.substr(0, pending_.size()))) {
    return ParseBackupHeader(pending_).status();
  }
  const size_t end = pending_.find(kHeaderEnd, searched_to);
  if (end == std::string::npos) {
    if (pending_.size() == kMaxBackupHeaderBytes) return Damaged("its header does not end");
    bytes = {};
    return absl::OkStatus();
  }
  pending_.resize(end + kHeaderEnd.size());
  bytes.remove_prefix(pending_.size() - before);
  absl::StatusOr<BackupHeader> header = ParseBackupHeader(pending_);
  if (!header.ok()) return header.status();
  header_ = *std::move(header);
  whole_hash_.Add(pending_);
  pending_ = {};
  if (sink_ != nullptr) {
    if (absl::Status s = sink_->OnHeader(*header_); !s.ok()) return s;
  }
  return BeginFile();
}

absl::Status BackupDecoder::BeginFile() {
  if (file_ == header_->files.size()) {
    stage_ = Stage::kEnd;
    return absl::OkStatus();
  }
  const BackupFile& file = header_->files[file_];
  left_ = file.bytes;
  stage_ = left_ > 0 ? Stage::kContent : Stage::kFileHash;
  return sink_ != nullptr ? sink_->OnFile(file) : absl::OkStatus();
}

absl::Status BackupDecoder::TakeContent(std::string_view& bytes) {
  const std::string_view content = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
  bytes.remove_prefix(content.size());
  left_ -= content.size();
  whole_hash_.Add(content);
  file_hash_.Add(content);
  if (left_ == 0) stage_ = Stage::kFileHash;
  return sink_ != nullptr ? sink_->OnBytes(content) : absl::OkStatus();
}

absl::Status BackupDecoder::TakeFileHash(std::string_view& bytes) {
  if (!Gather(kHashBytes, bytes)) return absl::OkStatus();
  whole_hash_.Add(pending_);
  if (pending_ != AsBytes(file_hash_.Finish())) {
    return Damaged(fmt::format("its file {} is not what was written", header_->files[file_].name));
  }
  pending_.clear();
  if (sink_ != nullptr) {
    if (absl::Status s = sink_->OnFileEnd(); !s.ok()) return s;
  }
  ++file_;
  return BeginFile();
}

absl::Status BackupDecoder::TakeEnd(std::string_view& bytes) {
  if (!Gather(kBackupEnd.size() + kHashBytes, bytes)) return absl::OkStatus();
  whole_hash_.Add(kBackupEnd);
  if (!pending_.starts_with(kBackupEnd) ||
      std::string_view(pending_).substr(kBackupEnd.size()) != AsBytes(whole_hash_.Finish())) {
    return Damaged("its hash is not that of what it has");
  }
  stage_ = Stage::kDone;
  return absl::OkStatus();
}

absl::Status BackupDecoder::Take(std::string_view& bytes) {
  switch (stage_) {
    case Stage::kHeader:
      return TakeHeader(bytes);
    case Stage::kContent:
      return TakeContent(bytes);
    case Stage::kFileHash:
      return TakeFileHash(bytes);
    case Stage::kEnd:
      return TakeEnd(bytes);
    case Stage::kDone:
      return Damaged("something stands behind its end");
  }
  return absl::InternalError("no such stage");
}

absl::Status BackupDecoder::Add(std::string_view bytes) {
  while (failure_.ok() && !bytes.empty()) {
    const size_t before = bytes.size();
    failure_ = Take(bytes);
    taken_ += before - bytes.size();
  }
  return failure_;
}

absl::Status BackupDecoder::Finish() const {
  if (!failure_.ok() || stage_ == Stage::kDone) return failure_;
  if (stage_ == Stage::kHeader && pending_.size() < kBackupBegin.size()) {
    return ParseBackupHeader(pending_).status();
  }
  return Damaged(fmt::format("it is cut off behind {} bytes", taken_));
}

}  // namespace claviger
