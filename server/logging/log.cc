#include "server/logging/log.h"

#include <memory>
#include <mutex>
#include <utility>

#include "server/logging/line_format.h"
#include "spdlog/logger.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/base_sink.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace claviger::log {
namespace {

struct Name {
  std::string_view text;
  spdlog::level::level_enum level;
};
constexpr Name kLevels[] = {{"debug", spdlog::level::debug},
                            {"info", spdlog::level::info},
                            {"warning", spdlog::level::warn},
                            {"error", spdlog::level::err}};
constexpr std::string_view kFormats[] = {"text", "json"};

// %v is what server/logging/line_format.h makes.
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

const Name& Of(Level level) { return kLevels[static_cast<size_t>(level)]; }

// Hands finished lines to a function.
class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FunctionSink(LineSink receiver) : receiver_(std::move(receiver)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    receiver_(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

  const LineSink receiver_;
};

// Where lines go. Replaced by Init only, before other threads log.
struct Output {
  Output(const Options& options, spdlog::sink_ptr sink, std::string end_of_line)
      : format(options.format), logger("claviger", std::move(sink)) {
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format == Format::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc,
        std::move(end_of_line)));
    logger.set_level(Of(options.level).level);
  }

  const Format format;
  spdlog::logger logger;
};

std::unique_ptr<Output>& CurrentOutput() {
  // Never destroyed: threads of libraries may log while the process ends.
  static auto& output = *new std::unique_ptr<Output>(
      std::make_unique<Output>(Options{}, std::make_shared<spdlog::sinks::stderr_sink_mt>(), "\n"));
  return output;
}

}  // namespace

std::string_view LevelName(Level level) { return Of(level).text; }

std::string_view FormatName(Format format) { return kFormats[static_cast<size_t>(format)]; }

std::optional<Level> ParseLevel(std::string_view text) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (LevelName(level) == text) return level;
  }
  return std::nullopt;
}

std::optional<Format> ParseFormat(std::string_view text) {
  for (const Format format : {Format::kText, Format::kJson}) {
    if (FormatName(format) == text) return format;
  }
  return std::nullopt;
}

void Init(const Options& options) {
  CurrentOutput() =
      std::make_unique<Output>(options, std::make_shared<spdlog::sinks::stderr_sink_mt>(), "\n");
}

void InitWithSink(const Options& options, LineSink sink) {
  CurrentOutput() =
      std::make_unique<Output>(options, std::make_shared<FunctionSink>(std::move(sink)), "");
}

void SetLevel(Level level) { CurrentOutput()->logger.set_level(Of(level).level); }

Level CurrentLevel() {
  const auto current = CurrentOutput()->logger.level();
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning}) {
    if (Of(level).level == current) return level;
  }
  return Level::kError;
}

void Write(Level level, std::string_view message, Fields fields) {
  Output& output = *CurrentOutput();
  const auto spdlog_level = Of(level).level;
  if (!output.logger.should_log(spdlog_level)) return;
  const std::string line =
      output.format == Format::kJson ? FormatJson(message, fields) : FormatText(message, fields);
  output.logger.log(spdlog_level, spdlog::string_view_t(line.data(), line.size()));
}

void Debug(std::string_view message, Fields fields) { Write(Level::kDebug, message, fields); }
void Info(std::string_view message, Fields fields) { Write(Level::kInfo, message, fields); }
void Warning(std::string_view message, Fields fields) { Write(Level::kWarning, message, fields); }
void Error(std::string_view message, Fields fields) { Write(Level::kError, message, fields); }

}  // namespace claviger::log
