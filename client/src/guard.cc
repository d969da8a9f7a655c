#include "claviger/guard.h"

#include <string_view>
#include <variant>

#include "client/src/call_credentials.h"

namespace claviger {
namespace {

// What of a call goes into its check, and keeps the address that `requirements` point to.
class CallCheck {
 public:
  CallCheck(const grpc::ServerContextBase& context, const CheckRequirements& wanted,
            const GuardOptions& options)
      : key_(client::FindKey(context.client_metadata(), options)), requirements_(wanted) {
    if (!requirements_.client_ip.empty()) return;
    if (options.address_header.empty()) {
      address_ = client::AddressOfPeer(context.peer());
      requirements_.client_ip = address_;
    } else {
      requirements_.client_ip = client::AddressFromHeader(context.client_metadata(), options);
    }
  }
  CallCheck(const CallCheck&) = delete;
  CallCheck& operator=(const CallCheck&) = delete;

  // Null: there is none.
  const std::string_view* key() const { return std::get_if<std::string_view>(&key_); }
  const CheckRequirements& requirements() const { return requirements_; }
  GuardResult WithoutKey() const {
    return {client::ToGrpcStatus(std::get<client::NoKey>(key_)), Decision()};
  }

 private:
  const std::variant<std::string_view, client::NoKey> key_;
  std::string address_;
  CheckRequirements requirements_;
};

GuardResult ResultOf(Decision decision) {
  grpc::Status status = client::ToGrpcStatus(decision);
  return {std::move(status), std::move(decision)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Guard>> Guard::Create(Checker& checker, GuardOptions options) {
  if (absl::Status s = client::Validate(options); !s.ok()) return s;
  return std::unique_ptr<Guard>(new Guard(checker, std::move(options)));
}

GuardResult Guard::Check(const grpc::ServerContextBase& context,
                         const CheckRequirements& requirements) const {
  const CallCheck call(context, requirements, options_);
  if (call.key() == nullptr) return call.WithoutKey();
  return ResultOf(checker_.Check(*call.key(), call.requirements()));
}

void Guard::CheckAsync(const grpc::ServerContextBase& context,
                       const CheckRequirements& requirements,
                       absl::AnyInvocable<void(GuardResult)> callback) const {
  const CallCheck call(context, requirements, options_);
  if (call.key() == nullptr) return callback(call.WithoutKey());
  checker_.CheckAsync(*call.key(), call.requirements(),
                      [callback = std::move(callback)](Decision decision) mutable {
                        callback(ResultOf(std::move(decision)));
                      });
}

}  // namespace claviger
