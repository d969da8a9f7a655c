#include "server/rpc/admin_service.h"

#include <memory>

#include "server/manage/permissions.h"
#include "server/rpc/backup_reactor.h"

namespace claviger {

AdminService::AdminService(const RpcEnvironment& environment, BackupRunner& backups)
    : backups_(backups),
      backup_(environment, "claviger.v1.Admin", "Backup",
              {.permission = permission::kSettingsManage, .type = MethodType::kServerStream}) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* AdminService::Backup(Context* context,
                                                                 const Bytes* in) {
  auto reactor = std::make_shared<BackupReactor>(backup_, backups_, *context);
  BackupReactor* raw = reactor.get();
  raw->Start(*in);
  return raw;
}

}  // namespace claviger
