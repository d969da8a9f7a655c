#include "server/sync/event_ring.h"

#include <algorithm>
#include <utility>

namespace claviger::sync {

ProjectFilter ProjectFilter::Only(std::vector<std::string> project_ids) {
  ProjectFilter filter;
  filter.all_ = false;
  filter.project_ids_ = std::move(project_ids);
  std::sort(filter.project_ids_.begin(), filter.project_ids_.end());
  return filter;
}

bool ProjectFilter::Passes(std::string_view project_id) const {
  return all_ || std::binary_search(project_ids_.begin(), project_ids_.end(), project_id);
}

void EventRing::Append(Event event) {
  head_ = event.revision;
  imported_keys_ |= event.imports;
  events_.push_back(std::move(event));
  if (events_.size() > capacity_) events_.pop_front();
}

bool EventRing::Covers(Revision position) const {
  return position <= head_ && head_.value - position.value <= events_.size();
}

EventRing::Items EventRing::Behind(Revision position, const ProjectFilter& filter,
                                   size_t max_items) const {
  Items result{.to = position, .items = {}};
  const size_t waiting = head_.value - position.value;
  for (size_t i = events_.size() - waiting; i < events_.size(); ++i) {
    const Event& event = events_[i];
    std::vector<Item> items;
    for (const auto& [key_id, project_id] : event.keys) {
      if (filter.Passes(project_id)) items.emplace_back(KeyItem{key_id});
    }
    for (const std::string& project_id : event.projects) {
      if (filter.Passes(project_id)) items.emplace_back(ProjectItem{project_id});
    }
    if (items.size() > max_items) items.assign(1, AllItem{});
    if (!result.items.empty() && result.items.size() + items.size() > max_items) return result;
    result.to = event.revision;
    result.items.insert(result.items.end(), std::make_move_iterator(items.begin()),
                        std::make_move_iterator(items.end()));
  }
  return result;
}

}  // namespace claviger::sync
