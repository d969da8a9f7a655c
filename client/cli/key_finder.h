// Finds keys in bytes of any kind: source code, logs, memory images.
#ifndef CLAVIGER_CLIENT_CLI_KEY_FINDER_H_
#define CLAVIGER_CLIENT_CLI_KEY_FINDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace claviger::cli {

// A key in the place where it stands. The view is good during the call only.
struct FoundKey {
  std::string_view text;
  uint64_t line = 1;    // counted from 1
  uint64_t column = 1;  // in bytes, counted from 1
};

// Takes a file in pieces of any size and tells of each key in it, in order. A key is what ParseKey
// takes for one, whatever stands before and behind it: its checksum decides, so that one text in
// four billion of the same form is told of by mistake. Memory: the largest piece, and a key.
//
// Thread safety: none.
class KeyFinder {
 public:
  using Found = std::function<void(const FoundKey&)>;

  explicit KeyFinder(Found found) : found_(std::move(found)) {}
  // Cleanses what it kept.
  ~KeyFinder();
  KeyFinder(const KeyFinder&) = delete;
  KeyFinder& operator=(const KeyFinder&) = delete;

  void Feed(std::string_view bytes);
  // The end of the file. To be called once, after the last Feed.
  void Finish();

 private:
  void Search(bool at_end);
  // The length of the key whose `_live_` or `_test_` begins at `joint`; 0: none does.
  size_t PrefixOfKeyAt(size_t joint) const;
  // Counts lines and columns up to `to`.
  void AdvanceTo(size_t to);
  void DropFront(size_t count);

  const Found found_;
  std::string window_;   // what was fed and is still of interest
  size_t searched_ = 0;  // joints before here were looked at
  // Where `window_[tracked_]` is in the file.
  size_t tracked_ = 0;
  uint64_t line_ = 1;
  uint64_t column_ = 1;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_FINDER_H_
