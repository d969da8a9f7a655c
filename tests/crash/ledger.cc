#include "tests/crash/ledger.h"

#include <algorithm>

#include "fmt/format.h"
#include "tests/crash/key_model.h"

namespace claviger::crash {
namespace {

// Requests that are repeated although they were answered; the server remembers for 10 minutes.
constexpr size_t kRemembered = 64;

// Of the keys that are chosen, those that were made last.
constexpr size_t kLatestShare = 2;

std::string BatchOf(const v1::Key& key) {
  const auto label = key.labels().find(kBatchLabel);
  return label == key.labels().end() ? std::string() : label->second;
}

// Notes which lists an effect moves a key into, or out of.
void Touch(Book& book, const std::string& owner, const std::string& batch) {
  if (!owner.empty()) book.touched_owners.insert(owner);
  if (!batch.empty()) book.touched_batches.insert(batch);
}

void TouchBy(Book& book, const Effect& effect) {
  const std::string owner = effect.wanted.owner();
  const std::string batch = BatchOf(effect.wanted);
  if (effect.key_id.empty()) return Touch(book, owner, batch);
  book.touched_keys.insert(effect.key_id);
  const v1::Key& before = book.keys.at(effect.key_id).key;
  if (before.owner() != owner) Touch(book, owner, "");
  if (before.owner() != owner) Touch(book, before.owner(), "");
  if (BatchOf(before) != batch) Touch(book, "", batch);
  if (BatchOf(before) != batch) Touch(book, "", BatchOf(before));
}

}  // namespace

std::string_view ViolationKindName(ViolationKind kind) {
  switch (kind) {
    case ViolationKind::kLost:
      return "LOST";
    case ViolationKind::kHalf:
      return "HALF";
    case ViolationKind::kGhost:
      return "GHOST";
    case ViolationKind::kDuplicate:
      return "DUPLICATE";
    case ViolationKind::kAccepted:
      return "ACCEPTED";
    case ViolationKind::kAudit:
      return "AUDIT";
    case ViolationKind::kIndex:
      return "INDEX";
    case ViolationKind::kWrongAnswer:
      return "WRONG ANSWER";
  }
  return "UNKNOWN";
}

std::string ProjectPrefixOf(uint32_t caller) { return fmt::format("p{}-", caller); }

std::string Describe(const Call& call) {
  std::string text = fmt::format("{} of caller {}", call.action, call.caller);
  if (!call.effects.empty()) {
    const Effect& first = call.effects.front();
    text += first.key_id.empty() ? fmt::format(" ('{}')", first.wanted.display_name())
                                 : fmt::format(" (key {})", first.key_id);
  }
  if (call.project.has_value()) text += fmt::format(" (project {})", call.project->project_id);
  return text;
}

void Book::Add(uint32_t caller, const v1::Key& key, const std::string& text) {
  keys[key.key_id()] = {.key = WithoutUse(key), .text = text, .caller = caller};
  ids_of[caller].push_back(key.key_id());
  touched_keys.insert(key.key_id());
}

uint64_t Ledger::Send(Call call) {
  absl::MutexLock lock(&mutex_);
  if (call.made_id.empty()) {
    for (const Effect& effect : call.effects) TouchBy(book_, effect);
  }
  if (call.project.has_value()) book_.touched_projects.insert(call.project->project_id);
  const uint64_t number = next_number_++;
  book_.open.emplace(number, std::move(call));
  return number;
}

Call Ledger::Take(uint64_t number) {
  const auto it = book_.open.find(number);
  Call call = std::move(it->second);
  book_.open.erase(it);
  return call;
}

void Ledger::AnsweredWithKeys(uint64_t number, const std::vector<v1::Key>& keys,
                              const std::string& text) {
  absl::MutexLock lock(&mutex_);
  const Call call = Take(number);
  if (!call.made_id.empty()) return CheckRepeated(call, keys.back(), text);
  if (call.is_retry) ++book_.counts.retries_of_absent;
  for (size_t i = 0; i < call.effects.size(); ++i) {
    const Effect& effect = call.effects[i];
    const v1::Key& key = keys[i];
    if (const auto difference = DifferenceFrom(effect.wanted, key); difference.has_value()) {
      book_.violations.push_back(
          {ViolationKind::kWrongAnswer,
           fmt::format("{}: key {}: {}", Describe(call), key.key_id(), *difference)});
    }
    if (!effect.key_id.empty()) {
      book_.keys.at(effect.key_id).key = WithoutUse(key);
    } else if (book_.keys.contains(key.key_id())) {
      book_.violations.push_back(
          {ViolationKind::kWrongAnswer,
           fmt::format("{}: key {} was made before", Describe(call), key.key_id())});
    } else {
      book_.Add(call.caller, key, text);
    }
    if (i > 0 && call.whole) continue;
    book_.marks.push_back({.action = call.action,
                           .project_id = call.project_id,
                           .key_id = key.key_id(),
                           .revision = key.revision()});
    ++book_.counts.acknowledged;
  }
  if (std::holds_alternative<std::monostate>(call.request) || call.project_id != kDefaultProject) {
    return;
  }
  if (book_.remembered.size() >= kRemembered) book_.remembered.erase(book_.remembered.begin());
  book_.remembered.push_back(call);
  book_.remembered.back().made_id = keys.back().key_id();
}

void Ledger::CheckRepeated(const Call& call, const v1::Key& key, const std::string& text) {
  KeyEntry& known = book_.keys.at(call.made_id);
  if (key.key_id() != call.made_id) {
    book_.violations.push_back(
        {ViolationKind::kDuplicate,
         fmt::format("{}: asked again under its request id, it made key {} beside key {}",
                     Describe(call), key.key_id(), call.made_id)});
    return;
  }
  if (text.empty() || (!known.text.empty() && known.text != text)) {
    book_.violations.push_back(
        {ViolationKind::kWrongAnswer,
         fmt::format("{}: asked again under its request id, it gave another text for key {}",
                     Describe(call), call.made_id)});
  }
  // To be checked from now on.
  if (known.text.empty()) book_.touched_keys.insert(call.made_id);
  known.text = text;
  ++book_.counts.retries_of_present;
}

void Ledger::AnsweredWithProject(uint64_t number, const v1::Project& project) {
  absl::MutexLock lock(&mutex_);
  const Call call = Take(number);
  if (const auto difference = DifferenceFrom(*call.project->wanted, project);
      difference.has_value()) {
    book_.violations.push_back(
        {ViolationKind::kWrongAnswer, fmt::format("{}: {}", Describe(call), *difference)});
  }
  book_.projects[call.project->project_id] = project;
  book_.marks.push_back({.action = call.action,
                         .project_id = call.project_id,
                         .key_id = "",
                         .revision = project.revision()});
  ++book_.counts.acknowledged;
}

void Ledger::Answered(uint64_t number, const std::vector<std::string>& told_ids) {
  absl::MutexLock lock(&mutex_);
  Call& call = book_.open.at(number);
  for (size_t i = 0; i < told_ids.size(); ++i) {
    call.effects[i].told_id = told_ids[i];
    book_.touched_keys.insert(told_ids[i]);
  }
  book_.answered.insert(number);
  book_.counts.acknowledged += call.project.has_value() ? 1 : call.effects.size();
}

void Ledger::AnsweredWrongly(uint64_t number, std::string what) {
  absl::MutexLock lock(&mutex_);
  book_.violations.push_back(
      {ViolationKind::kWrongAnswer,
       fmt::format("{}: {}", Describe(book_.open.at(number)), std::move(what))});
}

void Ledger::Unexplained(uint64_t number, const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  book_.unexplained.Update(absl::Status(
      why.code(),
      fmt::format("{}: {}", Describe(book_.open.at(number)), std::string(why.message()))));
}

std::vector<v1::Key> Ledger::Choose(uint32_t caller, size_t count, std::mt19937_64& random) const {
  absl::MutexLock lock(&mutex_);
  std::set<std::string> chosen;
  const auto ids = book_.ids_of.find(caller);
  const size_t known = ids == book_.ids_of.end() ? 0 : ids->second.size();
  for (size_t i = 0; i < std::min(known, count / kLatestShare); ++i) {
    chosen.insert(ids->second[known - 1 - i]);
  }
  for (size_t i = chosen.size(); known > 0 && i < count; ++i) {
    chosen.insert(ids->second[random() % known]);
  }
  for (const auto& [number, call] : book_.open) {
    for (const Effect& effect : call.effects) chosen.erase(effect.key_id);
  }
  std::vector<v1::Key> keys;
  for (const std::string& id : chosen) {
    const KeyEntry& entry = book_.keys.at(id);
    if (!entry.doomed) keys.push_back(entry.key);
  }
  return keys;
}

std::vector<v1::Project> Ledger::ProjectsOf(uint32_t caller) const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Project> projects;
  for (const auto& [id, project] : book_.projects) {
    if (id.starts_with(ProjectPrefixOf(caller))) projects.push_back(project);
  }
  return projects;
}

std::vector<Call> Ledger::TakeRetries(uint32_t caller) {
  absl::MutexLock lock(&mutex_);
  const auto others = std::stable_partition(book_.retries.begin(), book_.retries.end(),
                                            [&](const Call& c) { return c.caller != caller; });
  std::vector<Call> own(others, book_.retries.end());
  book_.retries.erase(others, book_.retries.end());
  return own;
}

std::optional<Call> Ledger::ChooseRemembered(std::mt19937_64& random) const {
  absl::MutexLock lock(&mutex_);
  if (book_.remembered.empty()) return std::nullopt;
  return book_.remembered[random() % book_.remembered.size()];
}

}  // namespace claviger::crash
