#include "client/cli/progress_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace claviger::cli {

void ProgressLine::Show(uint64_t done, uint64_t total, std::string_view text) {
  if (!console_.err_is_terminal) return;
  constexpr size_t kBar = 30;
  std::string bar;
  if (total > 0) {
    const double part = static_cast<double>(done) / static_cast<double>(total);
    const size_t filled = std::min(kBar, static_cast<size_t>(part * kBar));
    bar = fmt::format("[{}{}] ", std::string(filled, '#'), std::string(kBar - filled, ' '));
  }
  console_.err << fmt::format("\r{}{} ", bar, text) << std::flush;
  shown_ = true;
}

void ProgressLine::Clear() {
  if (std::exchange(shown_, false)) console_.err << "\r\x1b[K" << std::flush;
}

}  // namespace claviger::cli
