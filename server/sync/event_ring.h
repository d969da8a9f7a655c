// The recent changes, as subscribers need them: what was changed in which project at which
// revision.
#ifndef CLAVIGER_SERVER_SYNC_EVENT_RING_H_
#define CLAVIGER_SERVER_SYNC_EVENT_RING_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/revision.h"
#include "core/sync_messages.h"
#include "storage/changes.h"

namespace claviger::sync {

// The projects whose keys a session may cache.
class ProjectFilter {
 public:
  // Lets every project through.
  ProjectFilter() = default;
  // Only these.
  static ProjectFilter Only(std::vector<std::string> project_ids);

  bool Passes(std::string_view project_id) const;
  bool passes_all() const { return all_; }
  // nullopt: all.
  std::optional<std::vector<std::string>> projects() const {
    if (all_) return std::nullopt;
    return project_ids_;
  }

  friend bool operator==(const ProjectFilter&, const ProjectFilter&) = default;

 private:
  bool all_ = true;
  std::vector<std::string> project_ids_;  // sorted
};

// A bounded run of changes without gaps, shared by all sessions, each of which has a cursor into
// it.
//
// Thread safety: none; belongs to the hub.
class EventRing {
 public:
  // `head`: the revision that everything before the first Append is at. At most `capacity` changes
  // are kept.
  // `imported_keys`: whether there were keys by then that were made elsewhere.
  EventRing(Revision head, size_t capacity, bool imported_keys = false)
      : head_(head), capacity_(capacity), imported_keys_(imported_keys) {}

  // REQUIRES: `event.revision` is head's next.
  void Append(Event event);

  Revision head() const { return head_; }
  // Whether there are keys that were made elsewhere, as of the head. Never goes back to false.
  bool imported_keys() const { return imported_keys_; }
  // Whether every change behind `position` is still here.
  bool Covers(Revision position) const;

  struct Items {
    Revision to;  // all of `items` are up to here
    std::vector<Item> items;
  };
  // What passes `filter` behind `position`: changes up to the head, or fewer when they come to more
  // than `max_items`, but at least one whole change. A single change with more than `max_items` is
  // one AllItem. REQUIRES: Covers(position).
  Items Behind(Revision position, const ProjectFilter& filter, size_t max_items) const;

 private:
  Revision head_;
  size_t capacity_;
  bool imported_keys_;
  std::deque<Event> events_;
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_EVENT_RING_H_
