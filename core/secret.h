// A string that must not leak.
#ifndef CLAVIGER_CORE_SECRET_H_
#define CLAVIGER_CORE_SECRET_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace claviger {

// Owns the bytes of a secret: cleansed when destroyed or moved from, cannot be copied, streamed or
// formatted, and compares in constant time only. Every place that reads one can be found by
// searching for `ExposeSecret`.
//
// Thread safety: like a std::string.
class Secret {
 public:
  Secret() = default;
  // Takes the bytes over and cleanses `bytes`.
  explicit Secret(std::string&& bytes);
  // Copies `bytes`; the source stays the caller's to cleanse.
  static Secret CopyOf(std::string_view bytes);
  ~Secret();

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  // A second owner of the same bytes, for the few places that need one.
  Secret Clone() const { return CopyOf(bytes_); }

  // The bytes. Valid as long as this object lives unmoved. Never log, format or store what this
  // returns.
  std::string_view ExposeSecret() const { return bytes_; }

  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

 private:
  void Cleanse();

  std::string bytes_;
};

// Whether `a` and `b` have the same bytes, in a time that depends on their lengths only.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

// Overwrites the bytes of `s` so that the compiler cannot leave it out, and empties it.
void CleanseString(std::string& s);

}  // namespace claviger

#endif  // CLAVIGER_CORE_SECRET_H_
