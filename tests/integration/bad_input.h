// Tables of requests that are wrong in one place, or just not wrong yet.
#ifndef CLAVIGER_TESTS_INTEGRATION_BAD_INPUT_H_
#define CLAVIGER_TESTS_INTEGRATION_BAD_INPUT_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/integration/server_test.h"

namespace claviger {

// What is wrong with an otherwise good request, and what the answer must say.
template <typename Request>
struct BadInput {
  std::string name;
  std::function<void(Request&)> spoil;
  std::string field;     // that BadRequest names; empty: none
  std::string accepted;  // part of what message and BadRequest say is accepted
  std::string reason = "FIELD_INVALID";
  StatusCode code = StatusCode::INVALID_ARGUMENT;
};

// What is still accepted.
template <typename Request>
struct GoodInput {
  std::string name;
  std::function<void(Request&)> change;
};

template <typename Request>
using SetText = std::function<void(Request&, const std::string&)>;

template <typename T>
void Append(std::vector<T>& rows, std::vector<T> more) {
  rows.insert(rows.end(), more.begin(), more.end());
}

inline std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// Everything that no text for people may be, but for bad UTF-8, which no typed request can carry.
template <typename Request>
std::vector<BadInput<Request>> BadTexts(const std::string& field, size_t max_characters,
                                        const SetText<Request>& set) {
  const std::string at_most = std::to_string(max_characters) + " characters";
  const std::string control = "control characters";
  const auto row = [&](const std::string& what, const std::string& text,
                       const std::string& accepted) {
    return BadInput<Request>{field + ": " + what, [set, text](Request& r) { set(r, text); }, field,
                             accepted};
  };
  return {row("one too many", std::string(max_characters + 1, 'x'), at_most),
          row("one too many of four bytes", Repeated("😀", max_characters + 1), at_most),
          row("a line feed", "a\nb", control),
          row("a NUL", std::string("a\0b", 3), control),
          row("DEL", "a\x7f", control),
          row("C1", "a\u0085", control),
          row("a bidirectional override", "a\u202eb", control)};
}

// The same, for a name.
template <typename Request>
std::vector<BadInput<Request>> BadNames(const std::string& field, size_t max_characters,
                                        const SetText<Request>& set) {
  std::vector<BadInput<Request>> rows = BadTexts(field, max_characters, set);
  for (const std::string text : {" ", "\u2003\u200b"}) {
    rows.push_back(
        {field + ": only blanks", [set, text](Request& r) { set(r, text); }, field, "only blanks"});
  }
  return rows;
}

template <typename Request>
std::vector<GoodInput<Request>> LongestTexts(const std::string& field, size_t max_characters,
                                             const SetText<Request>& set) {
  return {{field + ": longest", [=](Request& r) { set(r, std::string(max_characters, 'x')); }},
          {field + ": longest of four bytes",
           [=](Request& r) { set(r, Repeated("😀", max_characters)); }}};
}

template <typename Request>
std::vector<BadInput<Request>> BadKeyIds(const std::string& field, const SetText<Request>& set) {
  std::vector<BadInput<Request>> rows = {
      {field + ": empty", [set](Request& r) { set(r, ""); }, field, "16 base62", "FIELD_REQUIRED"}};
  for (const std::string text : {"000000000000000", "00000000000000000", "00-0000000000000",
                                 "00000000000000\n0", "00000000000000é"}) {
    rows.push_back(
        {field + ": " + text, [set, text](Request& r) { set(r, text); }, field, "16 base62"});
  }
  return rows;
}

template <typename Request>
std::vector<BadInput<Request>> BadProjectIds(const std::string& field,
                                             const SetText<Request>& set) {
  const std::string syntax = "[a-z][a-z0-9-]{1,62}";
  std::vector<BadInput<Request>> rows = {
      {field + ": empty", [set](Request& r) { set(r, ""); }, field, syntax, "FIELD_REQUIRED"}};
  for (const std::string& text :
       {std::string("a"), std::string(64, 'a'), std::string("Shop"), std::string("1shop"),
        std::string("-shop"), std::string("sh_op"), std::string("shop\n"), std::string("sh\0p", 4),
        std::string("šhop")}) {
    rows.push_back({field + ": " + text, [set, text](Request& r) { set(r, text); }, field, syntax});
  }
  return rows;
}

// A scope of this many characters, at least 66, in segments of at most 64.
std::string ScopeOfLength(size_t length);

template <typename Request>
std::vector<BadInput<Request>> BadScopes(
    const std::string& field,
    const std::function<google::protobuf::RepeatedPtrField<std::string>*(Request&)>& scopes) {
  std::vector<BadInput<Request>> rows;
  for (const std::string& text :
       {std::string(), std::string("A"), std::string("a:"), std::string(":a"), std::string("a::b"),
        std::string("a b"), std::string("a*"), std::string("*:a"), std::string("a:*:b"),
        std::string("a\n"), std::string("a\0b", 3), std::string("ä"), std::string(65, 'a'),
        ScopeOfLength(513)}) {
    rows.push_back({field + ": " + text,
                    [scopes, text](Request& r) {
                      scopes(r)->Add("first");
                      scopes(r)->Add(std::string(text));
                    },
                    field + "[1]", "segments of [a-z0-9_.-]{1,64}"});
  }
  rows.push_back({field + ": 257",
                  [scopes](Request& r) {
                    for (int i = 0; i < 257; ++i) scopes(r)->Add("s" + std::to_string(i));
                  },
                  field, "at most 256"});
  return rows;
}

// Each row of a table against the server, as root.
class BadInputTest : public ServerTest {
 protected:
  // Refused as the row says, and nothing is written.
  template <typename Request>
  void ExpectRefused(const Request& good, const std::vector<BadInput<Request>>& rows) {
    for (const BadInput<Request>& row : rows) {
      SCOPED_TRACE(row.name);
      Request request = good;
      row.spoil(request);
      const auto before = Written();
      EXPECT_THAT(root().Call(request), IsError(row.code, row.reason, row.field, row.accepted));
      EXPECT_EQ(Written(), before);
    }
  }

  template <typename Request>
  void ExpectTaken(const Request& good, const std::vector<GoodInput<Request>>& rows) {
    for (const GoodInput<Request>& row : rows) {
      SCOPED_TRACE(row.name);
      Request request = good;
      row.change(request);
      EXPECT_THAT(root().Call(request), IsOk());
    }
  }
};

inline std::string ScopeOfLength(size_t length) {
  std::string scope;
  while (length - scope.size() > 64) scope += std::string(62, 's') + ":";
  return scope + std::string(length - scope.size(), 's');
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_BAD_INPUT_H_
