#include "tests/crash/observer.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"

namespace claviger::crash {
namespace {

constexpr int kPageSize = 1000;
constexpr size_t kChecksInABatch = 1000;
constexpr size_t kThreads = 4;

absl::Status FailedRead(std::string_view what, const grpc::Status& status) {
  return absl::UnavailableError(fmt::format("cannot read {}: {}", what, ErrorOf(status).message));
}

// Reads on some threads at once, and keeps the first error.
class Reader {
 public:
  Reader(const TestCaller& server, const Book& book) : server_(server), book_(book) {}

  absl::StatusOr<Observed> Read(Scope scope) {
    AddListings(scope);
    std::vector<std::function<absl::Status()>> reads;
    reads.emplace_back([this, scope] { return ReadLog(scope != Scope::kTouched); });
    for (Listing& listing : seen_.listings) {
      reads.emplace_back([this, &listing] { return ReadListing(listing); });
    }
    for (std::vector<std::pair<std::string, std::string>>& batch : ChecksOf(scope)) {
      reads.emplace_back([this, batch = std::move(batch)] { return ReadCodes(batch); });
    }
    seen_.asked_projects = book_.touched_projects;
    if (scope != Scope::kTouched) {
      for (const auto& [id, project] : book_.projects) seen_.asked_projects.insert(id);
    }
    for (const std::string& id : seen_.asked_projects) {
      reads.emplace_back([this, id] { return ReadProject(id); });
    }
    if (absl::Status s = Run(reads); !s.ok()) return s;
    // What the lists and the log name may be new.
    seen_.asked_keys = book_.touched_keys;
    for (const auto& [number, call] : book_.open) {
      for (const Effect& effect : call.effects) Ask(effect.told_id);
    }
    for (const v1::AuditEvent& event : seen_.events) AskUnknown(event.key_id());
    for (const Listing& listing : seen_.listings) {
      for (const v1::Key& key : listing.keys) AskUnknown(key.key_id());
    }
    reads.clear();
    for (const std::string& id : seen_.asked_keys) {
      reads.emplace_back([this, id] { return ReadOneKey(id); });
    }
    if (absl::Status s = Run(reads); !s.ok()) return s;
    return std::move(seen_);
  }

 private:
  static absl::Status Run(const std::vector<std::function<absl::Status()>>& reads) {
    std::atomic<size_t> next{0};
    absl::Mutex mutex;
    absl::Status failed;
    const auto work = [&] {
      for (size_t i = next++; i < reads.size(); i = next++) {
        const absl::Status status = reads[i]();
        const absl::MutexLock lock(&mutex);
        failed.Update(status);
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
    return failed;
  }

  void Ask(const std::string& id) {
    if (!id.empty()) seen_.asked_keys.insert(id);
  }
  void AskUnknown(const std::string& id) {
    if (!book_.keys.contains(id)) Ask(id);
  }

  void AddListings(Scope scope) {
    std::set<std::string> owners = book_.touched_owners;
    std::set<std::string> batches = book_.touched_batches;
    if (scope == Scope::kEveryIndex) {
      for (const auto& [id, entry] : book_.keys) {
        if (!entry.key.owner().empty()) owners.insert(entry.key.owner());
        const auto label = entry.key.labels().find(kBatchLabel);
        if (label != entry.key.labels().end()) batches.insert(label->second);
      }
    }
    for (const std::string& owner : owners) {
      v1::ListKeysRequest request;
      request.set_owner(owner);
      AddListing(fmt::format("the list of owner {}", owner), request,
                 [owner](const v1::Key& key) { return key.owner() == owner; });
    }
    for (const std::string& batch : batches) {
      v1::ListKeysRequest request;
      (*request.mutable_label_selector())[kBatchLabel] = batch;
      AddListing(fmt::format("the list of {}={}", kBatchLabel, batch), request,
                 [batch](const v1::Key& key) {
                   const auto label = key.labels().find(kBatchLabel);
                   return label != key.labels().end() && label->second == batch;
                 });
    }
    if (scope == Scope::kTouched) return AddLatestListing();
    AddListing("the list of all keys", {}, [](const v1::Key&) { return true; });
    v1::ListKeysRequest by_expiry;
    by_expiry.set_order_by("expire_time");
    AddListing("the list of all keys by expiry", by_expiry, [](const v1::Key&) { return true; });
  }

  // Keys of project `default` that were made since the youngest that is known.
  void AddLatestListing() {
    const auto nanos = [](const v1::Key& key) {
      return std::pair(key.create_time().seconds(), key.create_time().nanos());
    };
    const v1::Key* youngest = nullptr;
    for (const auto& [id, entry] : book_.keys) {
      if (book_.touched_keys.contains(id)) continue;
      if (youngest == nullptr || nanos(entry.key) > nanos(*youngest)) youngest = &entry.key;
    }
    if (youngest == nullptr) return;
    v1::ListKeysRequest request;
    request.add_project_ids(kDefaultProject);
    *request.mutable_created_after() = youngest->create_time();
    AddListing("the list of the latest keys of project default", request,
               [nanos, since = nanos(*youngest)](const v1::Key& key) {
                 return key.project_id() == kDefaultProject && nanos(key) >= since;
               });
  }

  void AddListing(std::string name, v1::ListKeysRequest request,
                  std::function<bool(const v1::Key&)> lists) {
    for (int state = v1::KEY_STATE_ACTIVE; state <= v1::KEY_STATE_DELETED; ++state) {
      request.add_states(static_cast<v1::KeyState>(state));
    }
    request.set_page_size(kPageSize);
    seen_.listings.push_back({std::move(name), std::move(lists), {}});
    requests_[seen_.listings.back().name] = std::move(request);
  }

  absl::Status ReadListing(Listing& listing) {
    v1::ListKeysRequest request = requests_.at(listing.name);
    do {
      auto page = server_.Call(request);
      if (!page.ok()) return FailedRead(listing.name, page.status);
      std::move(page.answer.mutable_keys()->begin(), page.answer.mutable_keys()->end(),
                std::back_inserter(listing.keys));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

  // The log behind what the book has read, and when asked, once more from its begin.
  absl::Status ReadLog(bool whole) {
    v1::ListAuditEventsRequest request;
    request.set_page_size(kPageSize);
    bool more = true;
    while (more) {
      auto page = server_.Call(request);
      if (!page.ok()) return FailedRead("the audit log", page.status);
      // That of the first page; nothing is added while this reads, but by the server itself.
      if (seen_.events.empty()) seen_.head = *page;
      for (v1::AuditEvent& event : *page.answer.mutable_events()) {
        more = event.revision() > book_.audit_revision;
        if (!more) break;
        seen_.events.push_back(std::move(event));
      }
      request.set_page_token(page->next_page_token());
      more = more && !request.page_token().empty();
    }
    seen_.head.clear_events();
    seen_.head.clear_next_page_token();
    std::reverse(seen_.events.begin(), seen_.events.end());
    return whole ? ReadWholeLog() : absl::OkStatus();
  }

  absl::Status ReadWholeLog() {
    cli::AuditCheck check{std::nullopt};
    v1::ListAuditEventsRequest request;
    request.set_page_size(kPageSize);
    request.set_oldest_first(true);
    v1::ListAuditEventsResponse head;
    do {
      auto page = server_.Call(request);
      if (!page.ok()) return FailedRead("the audit log", page.status);
      for (const v1::AuditEvent& event : page->events()) check.AddEvent(event);
      request.set_page_token(page->next_page_token());
      head = std::move(page.answer);
    } while (!request.page_token().empty());
    check.SetHead(head);
    const cli::AuditCheck::Verdict verdict = check.Finish();
    if (verdict.outcome == cli::AuditCheck::Outcome::kWhole) return absl::OkStatus();
    return absl::DataLossError(fmt::format("the audit log is not whole: {}", verdict.what));
  }

  // Of all keys whose texts are known, or of those that were touched.
  std::vector<std::vector<std::pair<std::string, std::string>>> ChecksOf(Scope scope) const {
    std::vector<std::vector<std::pair<std::string, std::string>>> batches;
    for (const auto& [id, entry] : book_.keys) {
      if (entry.text.empty()) continue;
      const bool is_due = book_.touched_keys.contains(id) || entry.caller == kNobody;
      if (scope == Scope::kTouched && !is_due) continue;
      if (batches.empty() || batches.back().size() == kChecksInABatch) batches.emplace_back();
      batches.back().emplace_back(id, entry.text);
    }
    return batches;
  }

  absl::Status ReadCodes(const std::vector<std::pair<std::string, std::string>>& checks) {
    v1::BatchVerifyRequest request;
    for (const auto& [id, text] : checks) request.add_checks()->set_key(text);
    const auto batch = server_.Call(request);
    if (!batch.ok()) return FailedRead("the answers to checks", batch.status);
    const absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < checks.size(); ++i) {
      const v1::VerifyResponse& answer = batch->results(static_cast<int>(i)).response();
      seen_.codes[checks[i].first] = answer.code();
      seen_.epoch = answer.epoch();
    }
    return absl::OkStatus();
  }

  absl::Status ReadOneKey(const std::string& id) {
    v1::GetKeyRequest request;
    request.set_key_id(id);
    const auto got = server_.Call(request);
    if (got.status.error_code() == grpc::StatusCode::NOT_FOUND) return absl::OkStatus();
    if (!got.ok()) return FailedRead(fmt::format("key {}", id), got.status);
    const absl::MutexLock lock(&mutex_);
    seen_.keys[id] = got->info();
    return absl::OkStatus();
  }

  absl::Status ReadProject(const std::string& id) {
    v1::GetProjectRequest request;
    request.set_project_id(id);
    const auto got = server_.Call(request);
    if (got.status.error_code() == grpc::StatusCode::NOT_FOUND) return absl::OkStatus();
    if (!got.ok()) return FailedRead(fmt::format("project {}", id), got.status);
    const absl::MutexLock lock(&mutex_);
    seen_.projects[id] = got->project();
    return absl::OkStatus();
  }

  const TestCaller& server_;
  const Book& book_;
  std::map<std::string, v1::ListKeysRequest> requests_;  // by name of the listing
  absl::Mutex mutex_;                                    // of the maps in seen_ while reads run
  Observed seen_;
};

}  // namespace

absl::StatusOr<Observed> Observe(const TestCaller& server, const Book& book, Scope scope) {
  return Reader(server, book).Read(scope);
}

absl::StatusOr<v1::Key> ReadKey(const TestCaller& server, const std::string& key_id) {
  v1::GetKeyRequest request;
  request.set_key_id(key_id);
  auto got = server.Call(request);
  if (!got.ok()) return FailedRead(fmt::format("key {}", key_id), got.status);
  return std::move(*got.answer.mutable_info());
}

}  // namespace claviger::crash
