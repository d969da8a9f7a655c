// claviger.v1.KeyAuthority.
#ifndef CLAVIGER_SERVER_RPC_KEY_AUTHORITY_SERVICE_H_
#define CLAVIGER_SERVER_RPC_KEY_AUTHORITY_SERVICE_H_

#include "claviger/v1/key_authority.grpc.pb.h"
#include "server/manage/bulk_revoke.h"
#include "server/manage/key_importer.h"
#include "server/manage/key_lookup.h"
#include "server/manage/key_manager.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/worker_pool.h"
#include "server/sync/sync_loop.h"
#include "storage/key_store.h"

namespace claviger {

// The methods of key_removal_calls.cc.
using RawKeyRemoval = v1::KeyAuthority::WithRawCallbackMethod_DeleteKey<
    v1::KeyAuthority::WithRawCallbackMethod_UndeleteKey<
        v1::KeyAuthority::WithRawCallbackMethod_RevokeKeys<v1::KeyAuthority::Service>>>;

// The service with every method taking and giving raw bytes.
using RawKeyAuthority = v1::KeyAuthority::WithRawCallbackMethod_IssueKey<
    v1::KeyAuthority::WithRawCallbackMethod_GetKey<v1::KeyAuthority::WithRawCallbackMethod_ListKeys<
        v1::KeyAuthority::WithRawCallbackMethod_UpdateScopes<
            v1::KeyAuthority::WithRawCallbackMethod_DisableKey<
                v1::KeyAuthority::WithRawCallbackMethod_EnableKey<
                    v1::KeyAuthority::WithRawCallbackMethod_RevokeKey<
                        v1::KeyAuthority::WithRawCallbackMethod_LookupKey<
                            v1::KeyAuthority::WithRawCallbackMethod_ImportKeys<
                                v1::KeyAuthority::WithRawCallbackMethod_ListSessions<
                                    v1::KeyAuthority::WithRawCallbackMethod_RotateKey<
                                        v1::KeyAuthority::WithRawCallbackMethod_UpdateKey<
                                            RawKeyRemoval>>>>>>>>>>>>;

// Thread safety: called by gRPC from any thread at once.
class KeyAuthorityService final : public RawKeyAuthority {
 public:
  // All arguments outlive the server that the service is registered with. `bulk_workers` run what
  // blocks in RevokeKeys, `workers` the rest.
  KeyAuthorityService(const RpcEnvironment& environment, KeyManager& keys, KeyLookup& lookup,
                      KeyImporter& importer, const KeyStore& store, WorkerPool& workers,
                      sync::SyncLoop& loop, BulkRevoker& bulk, WorkerPool& bulk_workers);

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  Reactor* IssueKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* GetKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* ListKeys(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* UpdateScopes(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* DisableKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* EnableKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* RevokeKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* DeleteKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* UndeleteKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* RevokeKeys(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* LookupKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* ImportKeys(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* ListSessions(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* RotateKey(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* UpdateKey(Context* context, const Bytes* in, Bytes* out) override;

 private:
  KeyManager& keys_;
  KeyLookup& lookup_;
  KeyImporter& importer_;
  const KeyStore& store_;
  WorkerPool& workers_;
  sync::SyncLoop& loop_;
  BulkRevoker& bulk_;
  WorkerPool& bulk_workers_;
  const Clock& clock_;
  const absl::Duration retention_;  // of deleted keys
  const RpcMethod issue_key_;
  const RpcMethod get_key_;
  const RpcMethod list_keys_;
  const RpcMethod update_scopes_;
  const RpcMethod disable_key_;
  const RpcMethod enable_key_;
  const RpcMethod revoke_key_;
  const RpcMethod delete_key_;
  const RpcMethod undelete_key_;
  const RpcMethod revoke_keys_;
  const RpcMethod lookup_key_;
  const RpcMethod import_keys_;
  const RpcMethod list_sessions_;
  const RpcMethod rotate_key_;
  const RpcMethod update_key_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_KEY_AUTHORITY_SERVICE_H_
