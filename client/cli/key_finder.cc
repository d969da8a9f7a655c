#include "client/cli/key_finder.h"

#include <algorithm>

#include "core/key_format.h"
#include "core/secret.h"

namespace claviger::cli {
namespace {

constexpr size_t kMinPrefix = 2;
constexpr size_t kMaxPrefix = 16;
// From the underscore before the environment to the end of the key.
constexpr size_t kFromJoint = 1 + 4 + 1 + kKeyIdLength + 1 + kSecretLength + kChecksumLength;
static_assert(kMaxPrefix + kFromJoint == kMaxKeyLength);

bool MayStandInPrefix(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

KeyFinder::~KeyFinder() { CleanseString(window_); }

void KeyFinder::Feed(std::string_view bytes) {
  if (window_.capacity() < window_.size() + bytes.size()) {
    // To let it grow by itself would leave copies of what it holds behind.
    std::string larger;
    larger.reserve(window_.size() + std::max(bytes.size(), kMaxKeyLength) + kMaxKeyLength);
    larger = window_;
    CleanseString(window_);
    window_ = std::move(larger);
  }
  window_ += bytes;
  Search(/*at_end=*/false);
}

void KeyFinder::Finish() { Search(/*at_end=*/true); }

void KeyFinder::Search(bool at_end) {
  size_t joint = window_.find('_', searched_);
  while (joint != std::string::npos && window_.size() - joint >= kFromJoint) {
    const size_t prefix = PrefixOfKeyAt(joint);
    if (prefix != 0) {
      AdvanceTo(joint - prefix);
      found_({.text = std::string_view(window_).substr(joint - prefix, prefix + kFromJoint),
              .line = line_,
              .column = column_});
    }
    joint = window_.find('_', joint + (prefix == 0 ? 1 : kFromJoint));
  }
  if (at_end) return;
  // The first joint that was too near the end is looked at again with what comes.
  searched_ = std::min(joint, window_.size());
  DropFront(searched_ - std::min(searched_, kMaxPrefix));
}

size_t KeyFinder::PrefixOfKeyAt(size_t joint) const {
  const std::string_view text = window_;
  const std::string_view environment = text.substr(joint, 6);
  if (environment != "_live_" && environment != "_test_") return 0;
  size_t longest = 0;
  while (longest < std::min(joint, kMaxPrefix) && MayStandInPrefix(text[joint - longest - 1])) {
    ++longest;
  }
  // What stands before a key may look like more of its prefix; the checksum knows.
  for (size_t prefix = longest; prefix >= kMinPrefix; --prefix) {
    if (ParseKey(text.substr(joint - prefix, prefix + kFromJoint)).has_value()) return prefix;
  }
  return 0;
}

void KeyFinder::AdvanceTo(size_t to) {
  const std::string_view passed = std::string_view(window_).substr(tracked_, to - tracked_);
  const size_t last = passed.rfind('\n');
  line_ += static_cast<uint64_t>(std::count(passed.begin(), passed.end(), '\n'));
  column_ = last == std::string_view::npos ? column_ + passed.size() : passed.size() - last;
  tracked_ = to;
}

void KeyFinder::DropFront(size_t count) {
  // Behind a key whose start was the last place that was counted there may be less than a prefix.
  if (count <= tracked_) return;
  AdvanceTo(count);
  window_.erase(0, count);
  searched_ -= count;
  tracked_ = 0;
}

}  // namespace claviger::cli
