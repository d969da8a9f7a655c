// What a fuzz target is made of. One source beside this one is one target:
//
//   FUZZ_TARGET(scope) {
//     if (IsValidGrantedScope(input)) FUZZ_CHECK(ScopeCovers(input, input));
//   }
//
// A target takes any bytes, has no state that outlives an input unless it says so, and asserts what
// must hold beyond "it does not crash". Under libFuzzer each target is a program; without it all of
// them are in one, `claviger_fuzz_replay`, which runs the inputs that are kept.
#ifndef CLAVIGER_TESTS_FUZZ_FUZZ_H_
#define CLAVIGER_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace claviger::fuzz {

using Target = void (*)(std::string_view input);

// Makes a target known to the replay program.
struct Registration {
  Registration(std::string_view name, Target target);
};

[[noreturn]] inline void Fail(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  std::abort();
}

// Takes parts off the front of an input.
class Parts {
 public:
  explicit Parts(std::string_view input) : rest_(input) {}

  bool empty() const { return rest_.empty(); }
  // 0 when nothing is left.
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  // Up to the next line end, which is dropped; readable in a corpus, unlike lengths.
  std::string_view Line() {
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace claviger::fuzz

// Ends the program, as libFuzzer expects it, where `condition` does not hold.
#define FUZZ_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::claviger::fuzz::Fail(__FILE__, __LINE__, #condition))

#ifdef CLAVIGER_LIBFUZZER
#define FUZZ_TARGET(name)                                                   \
  static void FuzzInput(std::string_view input);                            \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    FuzzInput(std::string_view(reinterpret_cast<const char*>(data), size)); \
    return 0;                                                               \
  }                                                                         \
  static void FuzzInput(std::string_view input)
#else
#define FUZZ_TARGET(name)                                                       \
  static void FuzzInput(std::string_view input);                                \
  static const ::claviger::fuzz::Registration kRegistration(#name, &FuzzInput); \
  static void FuzzInput(std::string_view input)
#endif

#endif  // CLAVIGER_TESTS_FUZZ_FUZZ_H_
