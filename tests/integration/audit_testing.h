// The fixture of tests about the audit log.
#ifndef CLAVIGER_TESTS_INTEGRATION_AUDIT_TESTING_H_
#define CLAVIGER_TESTS_INTEGRATION_AUDIT_TESTING_H_

#include <string>
#include <vector>

#include "tests/integration/server_test.h"

namespace claviger {

using Events = std::vector<v1::AuditEvent>;

class AuditLogTest : public ServerTest {
 protected:
  // All that `caller` sees, oldest first, page by page.
  static Events Read(const TestCaller& caller, v1::ListAuditEventsRequest request = {}) {
    request.set_oldest_first(true);
    if (request.page_size() == 0) request.set_page_size(1000);
    Events events;
    while (true) {
      const auto page = caller.Call(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return events;
      events.insert(events.end(), page->events().begin(), page->events().end());
      if (page->next_page_token().empty()) return events;
      request.set_page_token(page->next_page_token());
    }
  }
  // What was added since revision `after`.
  Events Behind(uint64_t after) {
    Events events = Read(root());
    std::erase_if(events, [&](const v1::AuditEvent& event) { return event.revision() <= after; });
    return events;
  }
  uint64_t Head() { return root().Call(v1::ListAuditEventsRequest())->head_revision(); }
  // The refused calls since revision `after`.
  Events RefusedBehind(uint64_t after) {
    // Whatever was queued before this change is in the log once it is.
    Issue();
    Events events = Behind(after);
    std::erase_if(events, [](const v1::AuditEvent& event) { return event.refusal().empty(); });
    return events;
  }
  // The one entry that `request` by `caller` leaves, beside those of what the system does later on
  // because of it, whenever it gets to that.
  template <typename Request>
  v1::AuditEvent EntryOf(const TestCaller& caller, const Request& request) {
    const uint64_t before = Head();
    EXPECT_THAT(caller.Call(request), IsOk());
    Events events = Behind(before);
    std::erase_if(events, [](const v1::AuditEvent& event) { return event.actor() == "system"; });
    EXPECT_THAT(events, testing::SizeIs(1)) << request.GetDescriptor()->name();
    return events.empty() ? v1::AuditEvent() : events.front();
  }
  template <typename Request>
  static Request AboutKey(const std::string& key_id) {
    Request request;
    request.set_key_id(key_id);
    return request;
  }
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_AUDIT_TESTING_H_
