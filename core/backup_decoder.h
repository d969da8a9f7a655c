// Reads a backup as it comes, and finds whatever is not as it was written.
#ifndef CLAVIGER_CORE_BACKUP_DECODER_H_
#define CLAVIGER_CORE_BACKUP_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/backup_format.h"
#include "core/sha256_stream.h"

namespace claviger {

// Takes what a backup has. An error ends the reading.
class BackupSink {
 public:
  virtual ~BackupSink() = default;

  // First, once.
  virtual absl::Status OnHeader(const BackupHeader& header) = 0;
  // The files follow each other in the order of the header.
  virtual absl::Status OnFile(const BackupFile& file) = 0;
  virtual absl::Status OnBytes(std::string_view bytes) = 0;
  // All of the file's bytes came, and have the hash that the backup says.
  virtual absl::Status OnFileEnd() = 0;
};

// Whatever a backup claims, the decoder holds no more than its header; only once Finish has said OK
// is what the sink got known to be the whole of a backup.
//
//   BackupDecoder decoder(sink);
//   while (…) { if (auto s = decoder.Add(bytes); !s.ok()) … }
//   if (auto s = decoder.Finish(); !s.ok()) …
//
// Thread safety: none.
class BackupDecoder {
 public:
  // `sink` outlives the decoder; null: the backup is only checked.
  explicit BackupDecoder(BackupSink* sink = nullptr) : sink_(sink) {}

  // The next bytes. INVALID_ARGUMENT: no backup; FAILED_PRECONDITION: one of a newer form;
  // DATA_LOSS `DATA_CORRUPT`: damaged, with where; or the sink's error. Nothing is taken after an
  // error.
  absl::Status Add(std::string_view bytes);
  // OK when nothing is missing; else as Add.
  absl::Status Finish() const;

  // nullptr until it was read.
  const BackupHeader* header() const { return header_.has_value() ? &*header_ : nullptr; }
  uint64_t taken() const { return taken_; }

 private:
  enum class Stage { kHeader, kContent, kFileHash, kEnd, kDone };

  // Each takes from the front of `bytes` what belongs to its stage.
  absl::Status TakeHeader(std::string_view& bytes);
  absl::Status TakeContent(std::string_view& bytes);
  absl::Status TakeFileHash(std::string_view& bytes);
  absl::Status TakeEnd(std::string_view& bytes);
  absl::Status Take(std::string_view& bytes);
  // Goes on with the file at `file_`, or with the end.
  absl::Status BeginFile();
  // Moves bytes to `pending_` until it has `wanted`; whether it has.
  bool Gather(size_t wanted, std::string_view& bytes);

  BackupSink* const sink_;
  Stage stage_ = Stage::kHeader;
  absl::Status failure_;
  std::string pending_;  // of the header, a hash or the end: not whole yet
  std::optional<BackupHeader> header_;
  size_t file_ = 0;    // in the header's files
  uint64_t left_ = 0;  // of its content
  uint64_t taken_ = 0;
  Sha256Stream whole_hash_;
  Sha256Stream file_hash_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_BACKUP_DECODER_H_
