// What the processes of a run know together: a file that all of them map. It tells the verifying
// processes which keys to check, and takes what they saw.
//
// What a process has written is there for the others even if it is killed the next moment: the
// memory is the kernel's, not the process's.
#ifndef CLAVIGER_TESTS_HISTORY_SHARED_RECORD_H_
#define CLAVIGER_TESTS_HISTORY_SHARED_RECORD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/decision.h"
#include "tests/history/checker.h"

namespace claviger::history {

// Of checks, by their code; index 0 is not used.
using CodeCounts = std::array<uint64_t, 11>;

struct Counts {
  CodeCounts by_code{};
  uint64_t from_cache = 0;

  uint64_t total() const;
};

// Keys are written once and never replaced. A slot names a key to be checked now.
//
// Thread safety: all methods may be called from any thread of any process at once, but for those of
// the orchestrator, which has one thread for them.
class SharedRecord {
 public:
  struct Shape {
    uint32_t keys = 0;
    uint32_t slots = 0;
    uint32_t processes = 0;
    uint32_t threads = 0;  // that check, in each process
  };

  // A new file, empty and only ours to read.
  static absl::StatusOr<std::unique_ptr<SharedRecord>> Create(const std::string& path,
                                                              const Shape& shape);
  // What another process created.
  static absl::StatusOr<std::unique_ptr<SharedRecord>> Open(const std::string& path);
  ~SharedRecord();
  SharedRecord(const SharedRecord&) = delete;
  SharedRecord& operator=(const SharedRecord&) = delete;

  const Shape& shape() const { return shape_; }

  // For the orchestrator. REQUIRES: `text` has at most 88 characters, and no slot had `key` before.
  void PutKey(uint32_t key, std::string_view text);
  // nullopt: nothing to check here.
  void SetSlot(uint32_t slot, std::optional<uint32_t> key);
  // Tells all processes to end.
  void Stop();

  // For the processes that check. Each of their threads has a number of its own, which a later
  // process takes over with the counts.
  std::optional<uint32_t> KeyIn(uint32_t slot) const;
  std::string_view KeyText(uint32_t key) const;
  bool stopped() const;
  // After each check. Only then is its outcome of use to anybody, so a process that is killed
  // before this has let nobody in.
  void NoteAccepted(uint32_t process, uint32_t key, absl::Duration start);
  void NoteDenied(uint32_t process, uint32_t key, absl::Duration end);
  void Count(uint32_t process, uint32_t thread, DecisionCode code, bool from_cache);

  // What came of it.
  Seen SeenBy(uint32_t process, uint32_t key) const;
  Counts CountsOf(uint32_t process) const;

 private:
  struct Header {
    uint64_t magic;
    Shape shape;
    uint32_t stopped;
  };
  // Zeros: nothing.
  struct Marks {
    int64_t last_accepted_start_nanos;
    int64_t first_denied_end_nanos;
  };
  struct Key {
    uint32_t length;
    std::array<char, 92> text;
  };
  // Written by one thread; a cache line of its own.
  struct alignas(64) ThreadCounts {
    CodeCounts by_code;
    uint64_t from_cache;
  };

  SharedRecord(void* memory, size_t size, const Shape& shape);

  // Sizes and places of the parts, one behind the other.
  static constexpr size_t kHeaderSize = 4096;
  static size_t SizeOf(const Shape& shape);
  static absl::StatusOr<void*> Map(int fd, size_t size);

  Marks& MarksOf(uint32_t process, uint32_t key) const;
  ThreadCounts& ThreadCountsOf(uint32_t process, uint32_t thread) const;

  void* const memory_;
  const size_t size_;
  const Shape shape_;
  Header& header_;
  const std::span<ThreadCounts> counts_;
  const std::span<uint32_t> slots_;  // number of the key plus one; 0: none
  const std::span<Marks> marks_;
  const std::span<Key> keys_;
};

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_SHARED_RECORD_H_
