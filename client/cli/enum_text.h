// Values of the API's enums as flags take them and tables show them, read from the descriptors so
// that a new value needs no code here.
#ifndef CLAVIGER_CLIENT_CLI_ENUM_TEXT_H_
#define CLAVIGER_CLIENT_CLI_ENUM_TEXT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <string>
#include <string_view>
#include <vector>

namespace claviger::cli {

// All values but the unspecified one, as flags take them: `owner-left`.
std::vector<std::string> EnumChoices(const google::protobuf::EnumDescriptor& type);

// The number of a choice; 0 (unspecified) for a text that is none.
int EnumNumber(const google::protobuf::EnumDescriptor& type, std::string_view choice);

// The value's name without its type: `OWNER_LEFT`. A number this build does not know: the number.
std::string EnumLabel(const google::protobuf::EnumDescriptor& type, int number);

template <typename Enum>
std::vector<std::string> EnumChoices() {
  return EnumChoices(*google::protobuf::GetEnumDescriptor<Enum>());
}

template <typename Enum>
Enum EnumFromChoice(std::string_view choice) {
  return static_cast<Enum>(EnumNumber(*google::protobuf::GetEnumDescriptor<Enum>(), choice));
}

template <typename Enum>
std::string EnumLabel(Enum value) {
  return EnumLabel(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_ENUM_TEXT_H_
