#include "storage/rocksdb/watermark.h"

#include <zlib.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

constexpr std::string_view kHeader = "claviger-watermark 1\nepoch ";
constexpr size_t kEpochDigits = 32;
constexpr std::string_view kRevisionLabel = "\nrevision ";
// Longer than any watermark.
constexpr size_t kMaxFileBytes = 256;

std::optional<std::array<uint8_t, 16>> ParseHex(std::string_view digits) {
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) {
    const std::string_view pair = digits.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, bytes[i], 16);
    if (error != std::errc() || end != pair.data() + 2) return std::nullopt;
  }
  return bytes;
}

}  // namespace

std::string RenderWatermark(const Watermark& watermark) {
  const std::string body = fmt::format("{}{}{}{}\n", kHeader, watermark.epoch.ToHex(),
                                       kRevisionLabel, watermark.revision.value);
  const auto checksum = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return fmt::format("{}crc32 {:08x}\n", body, checksum);
}

std::optional<Watermark> ParseWatermark(std::string_view text) {
  Watermark watermark;
  const size_t revision_at = kHeader.size() + kEpochDigits + kRevisionLabel.size();
  if (text.size() <= revision_at) return std::nullopt;
  const auto epoch = ParseHex(text.substr(kHeader.size(), kEpochDigits));
  if (!epoch) return std::nullopt;
  watermark.epoch.bytes = *epoch;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data() + revision_at, end, watermark.revision.value).ec != std::errc()) {
    return std::nullopt;
  }
  // What was read makes the same text again, checksum and all, or the text is not a watermark.
  if (RenderWatermark(watermark) != text) return std::nullopt;
  return watermark;
}

absl::StatusOr<std::optional<Watermark>> ReadWatermark(
    const std::string& path, const std::shared_ptr<rocksdb::FileSystem>& files) {
  const auto text = ReadSmallFile(*OrTheDisk(files), path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  if (!text->has_value()) return std::nullopt;
  const auto watermark = ParseWatermark(**text);
  if (!watermark) {
    return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
        .Build(fmt::format("the watermark file {} is damaged", path));
  }
  return watermark;
}

absl::Status WriteWatermark(const std::string& path, const Watermark& watermark,
                            const std::shared_ptr<rocksdb::FileSystem>& files) {
  return ReplaceFile(*OrTheDisk(files), path, RenderWatermark(watermark));
}

WatermarkKeeper::WatermarkKeeper(std::string path, const Watermark& start, absl::Duration interval,
                                 ErrorFunction on_error, WriteFunction write)
    : path_(std::move(path)),
      epoch_(start.epoch),
      interval_(interval),
      on_error_(std::move(on_error)),
      write_(std::move(write)),
      wanted_(start.revision),
      written_(start.revision),
      thread_([this] { Loop(); }) {}

WatermarkKeeper::~WatermarkKeeper() { Close(); }

void WatermarkKeeper::Advance(Revision revision) {
  absl::MutexLock lock(&mutex_);
  wanted_ = revision;
}

void WatermarkKeeper::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closing_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void WatermarkKeeper::Loop() {
  while (true) {
    Revision revision;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WatermarkKeeper::HasWork));
      if (written_ == wanted_) return;
      revision = wanted_;
    }
    if (auto status = write_(path_, {epoch_, revision}); !status.ok()) {
      on_error_(status);
      return;
    }
    absl::MutexLock lock(&mutex_);
    written_ = revision;
    // At most one write in each interval; closing does not wait for it.
    mutex_.AwaitWithTimeout(absl::Condition(&closing_), interval_);
  }
}

}  // namespace claviger
