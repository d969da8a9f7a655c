#include "server/transport/growth_watch.h"

namespace claviger {

uint64_t GrowthWatch::Observe(uint64_t figure, absl::Duration now) {
  while (!lowest_.empty() && now - lowest_.front().at > window_) lowest_.pop_front();
  while (!lowest_.empty() && lowest_.back().figure >= figure) lowest_.pop_back();
  lowest_.push_back({now, figure});
  return figure - lowest_.front().figure;
}

}  // namespace claviger
