#include "tests/history/shared_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "core/file_descriptor.h"
#include "fmt/format.h"

namespace claviger::history {
namespace {

constexpr uint64_t kMagic = 0x636c617669676572;  // "claviger"

static_assert(std::atomic_ref<int64_t>::is_always_lock_free);
static_assert(std::atomic_ref<uint32_t>::is_always_lock_free);

size_t RoundedUp(size_t size) { return (size + 63) / 64 * 64; }

template <typename T>
std::span<T> At(void* memory, size_t offset, size_t count) {
  return {reinterpret_cast<T*>(static_cast<char*>(memory) + offset), count};
}

// Adds to a number that only this thread changes.
void Increment(uint64_t& number) {
  std::atomic_ref<uint64_t> shared(number);
  shared.store(shared.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

uint64_t Load(uint64_t& number) {
  return std::atomic_ref<uint64_t>(number).load(std::memory_order_relaxed);
}

}  // namespace

uint64_t Counts::total() const {
  return std::accumulate(by_code.begin(), by_code.end(), uint64_t{0});
}

size_t SharedRecord::SizeOf(const Shape& shape) {
  return kHeaderSize + sizeof(ThreadCounts) * shape.processes * shape.threads +
         RoundedUp(sizeof(uint32_t) * shape.slots) +
         RoundedUp(sizeof(Marks) * shape.processes * shape.keys) + sizeof(Key) * shape.keys;
}

absl::StatusOr<void*> SharedRecord::Map(int fd, size_t size) {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, "mmap of the shared record");
  return memory;
}

absl::StatusOr<std::unique_ptr<SharedRecord>> SharedRecord::Create(const std::string& path,
                                                                   const Shape& shape) {
  const FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const size_t size = SizeOf(shape);
  if (fd.get() < 0 || ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot make {}", path));
  }
  absl::StatusOr<void*> memory = Map(fd.get(), size);
  if (!memory.ok()) return memory.status();
  auto& header = *static_cast<Header*>(*memory);
  header = {.magic = kMagic, .shape = shape, .stopped = 0};
  return std::unique_ptr<SharedRecord>(new SharedRecord(*memory, size, shape));
}

absl::StatusOr<std::unique_ptr<SharedRecord>> SharedRecord::Open(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat file {};
  if (fd.get() < 0 || fstat(fd.get(), &file) != 0) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot open {}", path));
  }
  const auto size = static_cast<size_t>(file.st_size);
  if (size < kHeaderSize) return absl::InvalidArgumentError(fmt::format("{} is too short", path));
  absl::StatusOr<void*> memory = Map(fd.get(), size);
  if (!memory.ok()) return memory.status();
  const Header& header = *static_cast<const Header*>(*memory);
  auto record = std::unique_ptr<SharedRecord>(new SharedRecord(*memory, size, header.shape));
  if (header.magic != kMagic || SizeOf(header.shape) != size) {
    return absl::InvalidArgumentError(fmt::format("{} is no record of a run", path));
  }
  return record;
}

SharedRecord::SharedRecord(void* memory, size_t size, const Shape& shape)
    : memory_(memory),
      size_(size),
      shape_(shape),
      header_(*static_cast<Header*>(memory)),
      counts_(At<ThreadCounts>(memory, kHeaderSize, size_t{shape.processes} * shape.threads)),
      slots_(At<uint32_t>(memory, kHeaderSize + counts_.size_bytes(), shape.slots)),
      marks_(At<Marks>(memory, kHeaderSize + counts_.size_bytes() + RoundedUp(slots_.size_bytes()),
                       size_t{shape.processes} * shape.keys)),
      keys_(At<Key>(memory,
                    kHeaderSize + counts_.size_bytes() + RoundedUp(slots_.size_bytes()) +
                        RoundedUp(marks_.size_bytes()),
                    shape.keys)) {}

SharedRecord::~SharedRecord() { munmap(memory_, size_); }

void SharedRecord::PutKey(uint32_t key, std::string_view text) {
  Key& place = keys_[key];
  std::copy(text.begin(), text.end(), place.text.begin());
  place.length = static_cast<uint32_t>(text.size());
}

void SharedRecord::SetSlot(uint32_t slot, std::optional<uint32_t> key) {
  // Release: whoever reads the number finds the text.
  std::atomic_ref<uint32_t>(slots_[slot])
      .store(key.has_value() ? *key + 1 : 0, std::memory_order_release);
}

void SharedRecord::Stop() {
  std::atomic_ref<uint32_t>(header_.stopped).store(1, std::memory_order_release);
}

std::optional<uint32_t> SharedRecord::KeyIn(uint32_t slot) const {
  const uint32_t value = std::atomic_ref<uint32_t>(slots_[slot]).load(std::memory_order_acquire);
  if (value == 0) return std::nullopt;
  return value - 1;
}

std::string_view SharedRecord::KeyText(uint32_t key) const {
  return {keys_[key].text.data(), keys_[key].length};
}

bool SharedRecord::stopped() const {
  return std::atomic_ref<uint32_t>(header_.stopped).load(std::memory_order_acquire) != 0;
}

void SharedRecord::NoteAccepted(uint32_t process, uint32_t key, absl::Duration start) {
  const int64_t nanos = absl::ToInt64Nanoseconds(start);
  std::atomic_ref<int64_t> last(MarksOf(process, key).last_accepted_start_nanos);
  int64_t seen = last.load(std::memory_order_relaxed);
  while (seen < nanos && !last.compare_exchange_weak(seen, nanos, std::memory_order_relaxed)) {
  }
}

void SharedRecord::NoteDenied(uint32_t process, uint32_t key, absl::Duration end) {
  const int64_t nanos = absl::ToInt64Nanoseconds(end);
  std::atomic_ref<int64_t> first(MarksOf(process, key).first_denied_end_nanos);
  int64_t seen = first.load(std::memory_order_relaxed);
  while ((seen == 0 || seen > nanos) &&
         !first.compare_exchange_weak(seen, nanos, std::memory_order_relaxed)) {
  }
}

void SharedRecord::Count(uint32_t process, uint32_t thread, DecisionCode code, bool from_cache) {
  ThreadCounts& counts = ThreadCountsOf(process, thread);
  Increment(counts.by_code[static_cast<size_t>(code)]);
  if (from_cache) Increment(counts.from_cache);
}

Seen SharedRecord::SeenBy(uint32_t process, uint32_t key) const {
  Marks& marks = MarksOf(process, key);
  const auto load = [](int64_t& nanos) {
    return std::atomic_ref<int64_t>(nanos).load(std::memory_order_relaxed);
  };
  const int64_t accepted = load(marks.last_accepted_start_nanos);
  const int64_t denied = load(marks.first_denied_end_nanos);
  Seen seen;
  if (accepted != 0) seen.last_accepted_start = absl::Nanoseconds(accepted);
  if (denied != 0) seen.first_denied_end = absl::Nanoseconds(denied);
  return seen;
}

Counts SharedRecord::CountsOf(uint32_t process) const {
  Counts sum;
  for (uint32_t thread = 0; thread < shape_.threads; ++thread) {
    ThreadCounts& counts = ThreadCountsOf(process, thread);
    for (size_t i = 0; i < sum.by_code.size(); ++i) sum.by_code[i] += Load(counts.by_code[i]);
    sum.from_cache += Load(counts.from_cache);
  }
  return sum;
}

SharedRecord::Marks& SharedRecord::MarksOf(uint32_t process, uint32_t key) const {
  return marks_[size_t{process} * shape_.keys + key];
}

SharedRecord::ThreadCounts& SharedRecord::ThreadCountsOf(uint32_t process, uint32_t thread) const {
  return counts_[size_t{process} * shape_.threads + thread];
}

}  // namespace claviger::history
