#include "server/rpc/refused_call.h"

#include "core/key_format.h"
#include "core/key_record.h"
#include "google/protobuf/descriptor.h"

namespace claviger {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string TextField(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return {};
  }
  return message.GetReflection()->GetString(message, field);
}

std::string ProjectIdOf(const Message& request) {
  std::string id = TextField(request, "project_id");
  if (!id.empty()) return id;
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("project");
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return {};
  }
  return TextField(request.GetReflection()->GetMessage(request, field), "project_id");
}

}  // namespace

RequestIds IdsOf(const Message& request) {
  RequestIds ids;
  if (std::string id = ProjectIdOf(request); IsValidProjectId(id)) ids.project_id = std::move(id);
  if (std::string id = TextField(request, "key_id"); KeyId::Parse(id).has_value()) {
    ids.key_id = std::move(id);
  }
  return ids;
}

}  // namespace claviger
