#include "client/cli/enum_text.h"

#include <algorithm>
#include <cctype>

namespace claviger::cli {
namespace {

constexpr std::string_view kUnspecified = "UNSPECIFIED";

// `KEY_STATE_` of `KEY_STATE_ACTIVE`: every enum starts with `<prefix>UNSPECIFIED`.
size_t PrefixLength(const google::protobuf::EnumDescriptor& type) {
  return type.value(0)->name().size() - kUnspecified.size();
}

std::string ChoiceOf(const google::protobuf::EnumValueDescriptor& value, size_t prefix_length) {
  std::string choice = value.name().substr(prefix_length);
  std::transform(choice.begin(), choice.end(), choice.begin(), [](unsigned char c) {
    return c == '_' ? '-' : static_cast<char>(std::tolower(c));
  });
  return choice;
}

}  // namespace

std::vector<std::string> EnumChoices(const google::protobuf::EnumDescriptor& type) {
  std::vector<std::string> choices;
  for (int i = 1; i < type.value_count(); ++i) {
    choices.push_back(ChoiceOf(*type.value(i), PrefixLength(type)));
  }
  return choices;
}

int EnumNumber(const google::protobuf::EnumDescriptor& type, std::string_view choice) {
  for (int i = 1; i < type.value_count(); ++i) {
    if (ChoiceOf(*type.value(i), PrefixLength(type)) == choice) return type.value(i)->number();
  }
  return 0;
}

std::string EnumLabel(const google::protobuf::EnumDescriptor& type, int number) {
  const google::protobuf::EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);
  return value->name().substr(PrefixLength(type));
}

}  // namespace claviger::cli
