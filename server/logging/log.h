// Structured log lines on standard error: a fixed message, then named values.
//
//   log::Info("key revoked", {{"key_id", id}, {"actor", actor}, {"sessions", 3}});
//
//   text:  2026-05-01T12:00:00.123Z info key revoked key_id=00Yx… actor="cert:dns:ops" sessions=3
//   json:  {"time":"…","level":"info","message":"key revoked","key_id":"00Yx…","sessions":3}
//
// Every value from outside is escaped, so that it cannot begin a line of its own, and whatever
// looks like a key is replaced (server/logging/redact.h). That is the net below the rule, not the
// rule: a secret is never handed to a log line in the first place.
#ifndef CLAVIGER_SERVER_LOGGING_LOG_H_
#define CLAVIGER_SERVER_LOGGING_LOG_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/time/time.h"

namespace claviger::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

// `debug`, `info`, `warning`, `error`; `text`, `json`.
std::string_view LevelName(Level level);
std::string_view FormatName(Format format);
std::optional<Level> ParseLevel(std::string_view text);
std::optional<Format> ParseFormat(std::string_view text);

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kText;
};

// A named value of a line; lives as long as the call that logs it.
class Field {
 public:
  using Value = std::variant<std::string_view, bool, int64_t, uint64_t, double, absl::Duration>;

  Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  Field(std::string_view name, const std::string& value) : name_(name), value_(value) {}
  Field(std::string_view name, const char* value) : name_(name), value_(std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value) {}
  Field(std::string_view name, double value) : name_(name), value_(value) {}
  // Written in seconds, as a number.
  Field(std::string_view name, absl::Duration value) : name_(name), value_(value) {}
  template <std::signed_integral T>
  Field(std::string_view name, T value) : name_(name), value_(int64_t{value}) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view name, T value)
      : name_(name), value_(uint64_t{value}) {}

  // A lower_snake_case literal of the source; not escaped.
  std::string_view name() const { return name_; }
  const Value& value() const { return value_; }

 private:
  std::string_view name_;
  Value value_;
};

using Fields = std::initializer_list<Field>;

// Gets each finished line, without its end of line. Called by one thread at a time.
using LineSink = std::function<void(std::string_view line)>;

// Sends lines to standard error. Until this is called they go there as text from level info.
//
// Thread safety: Init and InitWithSink before other threads log; all else from any thread at once.
void Init(const Options& options);
// Sends lines to `sink` instead.
void InitWithSink(const Options& options, LineSink sink);
// Takes effect for lines that begin later.
void SetLevel(Level level);
Level CurrentLevel();

void Debug(std::string_view message, Fields fields = {});
void Info(std::string_view message, Fields fields = {});
void Warning(std::string_view message, Fields fields = {});
void Error(std::string_view message, Fields fields = {});
void Write(Level level, std::string_view message, Fields fields = {});

}  // namespace claviger::log

#endif  // CLAVIGER_SERVER_LOGGING_LOG_H_
