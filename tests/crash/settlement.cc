#include "tests/crash/settlement.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "fmt/format.h"
#include "tests/crash/key_model.h"

namespace claviger::crash {
namespace {

class Settlement {
 public:
  Settlement(Book& book, const Observed& seen) : book_(book), seen_(seen) {}

  std::vector<Violation> Run() {
    found_ = std::exchange(book_.violations, {});
    for (const auto& [id, key] : seen_.keys) {
      if (!book_.keys.contains(id)) unknown_.emplace(id, key);
    }
    CheckLog();
    for (const auto& [number, call] : std::exchange(book_.open, {})) {
      const bool answered = book_.answered.contains(number);
      if (!answered) ++book_.counts.unanswered;
      if (call.project.has_value()) {
        SettleProject(call, answered);
      } else if (call.made_id.empty()) {
        SettleKeys(call, answered);
      } else {
        // What it was to make is there; it is checked as any other.
        book_.retries.push_back(call);
      }
    }
    for (const auto& [id, key] : unknown_) {
      Add(ViolationKind::kGhost, fmt::format("nobody asked for key {} ('{}', replaces '{}')", id,
                                             key.display_name(), key.rotated_from()));
    }
    CheckKeys();
    CheckProjects();
    CheckMarks();
    for (const Listing& listing : seen_.listings) CheckListing(listing);
    CheckCodes();
    book_.answered.clear();
    book_.marks.clear();
    book_.touched_keys.clear();
    book_.touched_owners.clear();
    book_.touched_batches.clear();
    book_.touched_projects.clear();
    for (const Violation& violation : found_) {
      if (violation.kind == ViolationKind::kLost) ++book_.counts.lost;
    }
    return std::move(found_);
  }

 private:
  enum class Fate : uint8_t { kHappened, kDidNot, kBroken };

  void Add(ViolationKind kind, std::string what) { found_.push_back({kind, std::move(what)}); }

  void CheckLog() {
    if (book_.epoch.empty()) book_.epoch = seen_.epoch;
    if (book_.epoch != seen_.epoch) Add(ViolationKind::kAudit, "the epoch is another one");
    for (const v1::AuditEvent& event : seen_.events) {
      book_.audit.AddEvent(event);
      book_.audit_revision = event.revision();
    }
    book_.audit.SetHead(seen_.head);
    const cli::AuditCheck::Verdict verdict = book_.audit.Finish();
    if (verdict.outcome != cli::AuditCheck::Outcome::kWhole) {
      Add(ViolationKind::kAudit, verdict.what);
    }
  }

  // The record with this id; null: there is none.
  const v1::Key* Find(const std::string& id) const {
    const auto it = seen_.keys.find(id);
    return it == seen_.keys.end() ? nullptr : &it->second;
  }

  Fate FateOfChange(const Call& call, const Effect& effect) {
    const v1::Key* const now = Find(effect.key_id);
    if (now == nullptr) {
      Add(ViolationKind::kLost, fmt::format("{}: key {} is gone", Describe(call), effect.key_id));
      return Fate::kBroken;
    }
    const auto from_wanted = DifferenceFrom(effect.wanted, *now);
    if (!from_wanted.has_value()) return Fate::kHappened;
    const auto from_before = DifferenceFrom(book_.keys.at(effect.key_id).key, *now);
    if (!from_before.has_value()) return Fate::kDidNot;
    Add(ViolationKind::kHalf,
        fmt::format("{}: key {} is neither as it was ({}) nor as it was to be ({})", Describe(call),
                    effect.key_id, *from_before, *from_wanted));
    return Fate::kBroken;
  }

  // The keys that the effect may have made; they are no longer unknown.
  std::vector<v1::Key> TakeMade(const Effect& effect) {
    std::vector<v1::Key> made;
    for (auto it = unknown_.begin(); it != unknown_.end();) {
      const v1::Key& key = it->second;
      // Together they are one effect's own.
      if (key.display_name() != effect.wanted.display_name() ||
          key.rotated_from() != effect.wanted.rotated_from()) {
        ++it;
        continue;
      }
      made.push_back(key);
      it = unknown_.erase(it);
    }
    return made;
  }

  Fate FateOfNew(const Call& call, const Effect& effect, v1::Key& key) {
    const std::vector<v1::Key> made = TakeMade(effect);
    if (made.empty()) return Fate::kDidNot;
    key = made.front();
    if (made.size() > 1) {
      Add(ViolationKind::kDuplicate, fmt::format("{}: made {} keys", Describe(call), made.size()));
      return Fate::kBroken;
    }
    const auto difference = DifferenceFrom(effect.wanted, key);
    if (difference.has_value()) {
      Add(ViolationKind::kHalf,
          fmt::format("{}: key {}: {}", Describe(call), key.key_id(), *difference));
      return Fate::kBroken;
    }
    if (!effect.told_id.empty() && effect.told_id != key.key_id()) {
      Add(ViolationKind::kWrongAnswer, fmt::format("{}: told of key {}, made key {}",
                                                   Describe(call), effect.told_id, key.key_id()));
    }
    return Fate::kHappened;
  }

  void SettleKeys(Call call, bool answered) {
    std::vector<Fate> fates;
    std::vector<v1::Key> records;
    for (const Effect& effect : call.effects) {
      v1::Key record;
      if (effect.key_id.empty()) {
        fates.push_back(FateOfNew(call, effect, record));
      } else {
        fates.push_back(FateOfChange(call, effect));
        if (const v1::Key* const now = Find(effect.key_id); now != nullptr) record = *now;
      }
      records.push_back(std::move(record));
    }
    const bool differ =
        std::adjacent_find(fates.begin(), fates.end(), std::not_equal_to<>()) != fates.end();
    if (call.whole && differ) {
      Add(ViolationKind::kHalf, fmt::format("{}: only a part of it is there", Describe(call)));
    }
    if (call.whole && !differ && records.size() == 2 && fates[0] == Fate::kHappened &&
        records[0].rotated_to() != records[1].key_id()) {
      Add(ViolationKind::kHalf,
          fmt::format("{}: the old key names key {}, the new one is {}", Describe(call),
                      records[0].rotated_to(), records[1].key_id()));
    }
    for (size_t i = 0; i < fates.size(); ++i) {
      const bool counts = i == 0 || !call.whole;
      if (fates[i] == Fate::kDidNot && answered) {
        Add(ViolationKind::kLost,
            fmt::format("{}: '{}' was acknowledged and is not there", Describe(call),
                        call.effects[i].wanted.display_name()));
      } else if (fates[i] == Fate::kDidNot && counts) {
        ++book_.counts.unanswered_absent;
      } else if (fates[i] == Fate::kHappened) {
        TakeOver(call, call.effects[i], records[i], counts);
        if (counts && !answered) ++book_.counts.unanswered_present;
      }
    }
    if (answered || std::holds_alternative<std::monostate>(call.request)) return;
    if (fates.back() == Fate::kHappened) call.made_id = records.back().key_id();
    call.is_retry = true;
    if (fates.back() != Fate::kBroken) book_.retries.push_back(std::move(call));
  }

  // An effect that is there.
  void TakeOver(const Call& call, const Effect& effect, const v1::Key& record, bool is_first) {
    if (effect.key_id.empty()) {
      book_.Add(call.caller, record, effect.text);
    } else {
      book_.keys.at(effect.key_id).key = WithoutUse(record);
    }
    if (!is_first) return;
    book_.marks.push_back({.action = call.action,
                           .project_id = call.project_id,
                           .key_id = record.key_id(),
                           .revision = record.revision()});
  }

  void SettleProject(const Call& call, bool answered) {
    const ProjectEffect& effect = *call.project;
    const auto now = seen_.projects.find(effect.project_id);
    const auto before = book_.projects.find(effect.project_id);
    const bool is_there = now != seen_.projects.end();
    const bool was_there = before != book_.projects.end();
    const bool happened = effect.wanted.has_value() == is_there &&
                          (!is_there || !DifferenceFrom(*effect.wanted, now->second).has_value());
    const bool did_not = was_there == is_there &&
                         (!is_there || !DifferenceFrom(before->second, now->second).has_value());
    if (!happened && !did_not) {
      Add(ViolationKind::kHalf,
          fmt::format("{}: neither as it was nor as it was to be", Describe(call)));
      return;
    }
    if (!happened) {
      if (answered) {
        Add(ViolationKind::kLost,
            fmt::format("{}: was acknowledged and is not there", Describe(call)));
      } else {
        ++book_.counts.unanswered_absent;
      }
      return;
    }
    if (!answered) ++book_.counts.unanswered_present;
    book_.marks.push_back({.action = call.action,
                           .project_id = call.project_id,
                           .key_id = "",
                           .revision = is_there ? now->second.revision() : 0});
    if (is_there) {
      book_.projects[effect.project_id] = now->second;
      return;
    }
    book_.projects.erase(effect.project_id);
    for (auto& [id, entry] : book_.keys) {
      if (entry.key.project_id() == effect.project_id) entry.doomed = true;
    }
  }

  static std::optional<std::string> DifferenceFromEntry(const KeyEntry& entry,
                                                        const v1::Key& observed) {
    return entry.doomed ? DifferenceFromDoomed(entry.key, observed)
                        : DifferenceFrom(entry.key, observed);
  }

  // What was acknowledged, and what was found before.
  void CheckKeys() {
    for (const std::string& id : seen_.asked_keys) {
      const auto entry = book_.keys.find(id);
      if (entry == book_.keys.end()) continue;
      const v1::Key* const now = Find(id);
      const auto difference = now == nullptr ? std::optional<std::string>("it is gone")
                                             : DifferenceFromEntry(entry->second, *now);
      if (difference.has_value()) {
        Add(ViolationKind::kLost, fmt::format("key {}: {}", id, *difference));
      }
    }
  }

  void CheckProjects() {
    for (const std::string& id : seen_.asked_projects) {
      const auto known = book_.projects.find(id);
      const auto now = seen_.projects.find(id);
      if (known == book_.projects.end() && now != seen_.projects.end()) {
        Add(ViolationKind::kGhost, fmt::format("project {} is there", id));
      } else if (known != book_.projects.end() && now == seen_.projects.end()) {
        Add(ViolationKind::kLost, fmt::format("project {} is gone", id));
      } else if (known != book_.projects.end()) {
        const auto difference = DifferenceFrom(known->second, now->second);
        if (difference.has_value()) {
          Add(ViolationKind::kLost, fmt::format("project {}: {}", id, *difference));
        }
      }
    }
  }

  // Every change has its entry, and every entry its change.
  void CheckMarks() {
    std::map<std::tuple<std::string, std::string, std::string>, std::vector<uint64_t>> wanted;
    for (const AuditMark& mark : book_.marks) {
      wanted[{mark.action, mark.project_id, mark.key_id}].push_back(mark.revision);
    }
    for (const v1::AuditEvent& event : seen_.events) {
      // Refused calls change nothing; what the server does by itself is nobody's call.
      if (!event.refusal().empty() || event.actor() == "system") continue;
      std::vector<uint64_t>& revisions =
          wanted[{event.action(), event.project_id(), event.key_id()}];
      const auto it = std::find_if(revisions.begin(), revisions.end(), [&](uint64_t revision) {
        return revision == 0 || revision == event.revision();
      });
      if (it != revisions.end()) {
        revisions.erase(it);
        continue;
      }
      Add(ViolationKind::kHalf,
          fmt::format("audit entry {} ({} of key '{}', project '{}') is of no change that is there",
                      event.revision(), event.action(), event.key_id(), event.project_id()));
    }
    for (const auto& [what, revisions] : wanted) {
      for (const uint64_t revision : revisions) {
        Add(ViolationKind::kHalf,
            fmt::format("{} of key '{}', project '{}', at revision {}, has no audit entry",
                        std::get<0>(what), std::get<2>(what), std::get<1>(what), revision));
      }
    }
  }

  void CheckListing(const Listing& listing) {
    std::set<std::string> listed;
    for (const v1::Key& key : listing.keys) {
      if (!listed.insert(key.key_id()).second) {
        Add(ViolationKind::kIndex, fmt::format("{} has key {} twice", listing.name, key.key_id()));
      }
      const auto entry = book_.keys.find(key.key_id());
      if (entry == book_.keys.end()) {
        // A ghost that GetKey knows was told of.
        if (Find(key.key_id()) == nullptr) {
          Add(ViolationKind::kHalf,
              fmt::format("{} has key {}, which does not exist", listing.name, key.key_id()));
        }
        continue;
      }
      if (!listing.lists(entry->second.key)) {
        Add(ViolationKind::kIndex,
            fmt::format("{} has key {}, which is not of it", listing.name, key.key_id()));
      }
      const auto difference = DifferenceFromEntry(entry->second, key);
      if (difference.has_value()) {
        Add(ViolationKind::kLost,
            fmt::format("{}: key {}: {}", listing.name, key.key_id(), *difference));
      }
    }
    for (const auto& [id, entry] : book_.keys) {
      if (listing.lists(entry.key) && !listed.contains(id)) {
        Add(ViolationKind::kIndex, fmt::format("{} lacks key {}", listing.name, id));
      }
    }
  }

  void CheckCodes() {
    for (const auto& [id, code] : seen_.codes) {
      const KeyEntry& entry = book_.keys.at(id);
      const bool stopped = entry.doomed || IsRevoked(entry.key);
      const v1::VerifyCode wanted = stopped ? v1::VERIFY_CODE_REVOKED
                                    : entry.key.state() == v1::KEY_STATE_DISABLED
                                        ? v1::VERIFY_CODE_DISABLED
                                        : v1::VERIFY_CODE_VALID;
      if (code == wanted) continue;
      Add(code == v1::VERIFY_CODE_VALID ? ViolationKind::kAccepted : ViolationKind::kLost,
          fmt::format("a check of key {} answers {} instead of {}", id, v1::VerifyCode_Name(code),
                      v1::VerifyCode_Name(wanted)));
    }
  }

  Book& book_;
  const Observed& seen_;
  std::map<std::string, v1::Key> unknown_;  // found, and not explained yet
  std::vector<Violation> found_;
};

}  // namespace

std::vector<Violation> Settle(Book& book, const Observed& seen) {
  return Settlement(book, seen).Run();
}

}  // namespace claviger::crash
