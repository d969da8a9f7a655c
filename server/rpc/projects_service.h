// claviger.v1.Projects.
#ifndef CLAVIGER_SERVER_RPC_PROJECTS_SERVICE_H_
#define CLAVIGER_SERVER_RPC_PROJECTS_SERVICE_H_

#include "claviger/v1/project.grpc.pb.h"
#include "server/manage/project_manager.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/worker_pool.h"
#include "server/sync/sync_loop.h"

namespace claviger {

// The service with every method taking and giving raw bytes.
using RawProjects = v1::Projects::WithRawCallbackMethod_CreateProject<
    v1::Projects::WithRawCallbackMethod_GetProject<v1::Projects::WithRawCallbackMethod_ListProjects<
        v1::Projects::WithRawCallbackMethod_UpdateProject<
            v1::Projects::WithRawCallbackMethod_DeleteProject<v1::Projects::Service>>>>>;

// Thread safety: called by gRPC from any thread at once.
class ProjectsService final : public RawProjects {
 public:
  // All arguments outlive the server that the service is registered with.
  ProjectsService(const RpcEnvironment& environment, ProjectManager& projects, WorkerPool& workers,
                  sync::SyncLoop& loop);

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  Reactor* CreateProject(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* GetProject(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* ListProjects(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* UpdateProject(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* DeleteProject(Context* context, const Bytes* in, Bytes* out) override;

 private:
  ProjectManager& projects_;
  WorkerPool& workers_;
  sync::SyncLoop& loop_;
  const Clock& clock_;
  const RpcMethod create_project_;
  const RpcMethod get_project_;
  const RpcMethod list_projects_;
  const RpcMethod update_project_;
  const RpcMethod delete_project_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_PROJECTS_SERVICE_H_
