#include "core/key_record.h"

#include <algorithm>

namespace claviger {

bool IsValidProjectId(std::string_view text) {
  if (text.size() < 2 || text.size() > 63) return false;
  if (text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace claviger
