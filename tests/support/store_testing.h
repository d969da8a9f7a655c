// A small language for tests of and over stores.
#ifndef CLAVIGER_TESTS_SUPPORT_STORE_TESTING_H_
#define CLAVIGER_TESTS_SUPPORT_STORE_TESTING_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "core/key_record.h"
#include "fmt/format.h"
#include "storage/key_store.h"

namespace claviger {

// A commit whose answer is waited for.
class PendingCommit {
 public:
  PendingCommit(KeyStore& store, Mutation mutation) {
    store.Commit(std::move(mutation), [answer = answer_](absl::StatusOr<Committed> result) {
      answer->result = std::move(result);
      answer->done.Notify();
    });
  }

  bool done() const { return answer_->done.HasBeenNotified(); }
  absl::StatusOr<Committed> Wait() const {
    answer_->done.WaitForNotification();
    return answer_->result;
  }

 private:
  struct Answer {
    absl::Notification done;
    absl::StatusOr<Committed> result;
  };

  std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
};

inline absl::StatusOr<Committed> CommitAndWait(KeyStore& store, Mutation mutation) {
  return PendingCommit(store, std::move(mutation)).Wait();
}

// A mutation that gives `changes` whatever the state is.
inline Mutation Giving(ChangeSet changes) {
  return [changes = std::move(changes)](const StateReader&) -> absl::StatusOr<ChangeSet> {
    return changes;
  };
}

// A mutation that fails with `status`.
inline Mutation Failing(absl::Status status) {
  return [status = std::move(status)](const StateReader&) -> absl::StatusOr<ChangeSet> {
    return status;
  };
}

inline Mutation Putting(KeyRecord key) {
  ChangeSet changes;
  changes.audit.actor = "system";
  changes.audit.action = "IssueKey";
  changes.audit.key_id = key.id.ToString();
  changes.put_keys.push_back(std::move(key));
  return Giving(std::move(changes));
}

inline Mutation Putting(ProjectRecord project) {
  ChangeSet changes;
  changes.audit.actor = "system";
  changes.audit.action = "CreateProject";
  changes.audit.project_id = project.project_id;
  changes.put_projects.push_back(std::move(project));
  return Giving(std::move(changes));
}

// Holds the writer thread inside a mutation, so that what is queued meanwhile becomes one batch.
class WriterGate {
 public:
  // Returns when the writer is held.
  explicit WriterGate(KeyStore& store)
      : blocker_(store, [this](const StateReader&) -> absl::StatusOr<ChangeSet> {
          entered_.Notify();
          opened_.WaitForNotification();
          return ChangeSet();
        }) {
    entered_.WaitForNotification();
  }
  ~WriterGate() {
    if (!opened_.HasBeenNotified()) Open();
  }

  // Lets the writer go on.
  void Open() {
    opened_.Notify();
    blocker_.Wait().IgnoreError();
  }

 private:
  absl::Notification entered_;
  absl::Notification opened_;
  PendingCommit blocker_;
};

// Key id number `n`.
inline KeyId TestKeyId(int n) { return *KeyId::Parse(fmt::format("00{:014}", n)); }

// Key number `n`, with what a store needs.
inline KeyRecord TestKey(int n, std::string_view project_id = "default",
                         absl::Time create_time = absl::FromUnixSeconds(1893456000)) {
  KeyRecord key;
  key.id = TestKeyId(n);
  key.project_id = project_id;
  key.display_name = fmt::format("key {}", n);
  key.prefix = "clv";
  key.pepper_id = "p1";
  key.digest.bytes.fill(static_cast<uint8_t>(n));
  key.create_time = create_time;
  key.update_time = create_time;
  return key;
}

inline ProjectRecord TestProject(std::string_view project_id) {
  ProjectRecord project;
  project.project_id = project_id;
  project.display_name = fmt::format("project {}", project_id);
  project.create_time = absl::FromUnixSeconds(1893456000);
  project.update_time = project.create_time;
  return project;
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_STORE_TESTING_H_
