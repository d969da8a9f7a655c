#include "server/rpc/projects_service.h"

#include <string_view>
#include <utility>

#include "server/manage/page_token.h"
#include "server/manage/permissions.h"
#include "server/rpc/answers.h"
#include "server/rpc/change_answers.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/project_requests.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/unary_call.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.Projects";

// Tokens of this list are bound to nothing but the list itself.
Sha256Bytes ListArguments() { return Sha256("claviger.v1.Projects/ListProjects"); }

// Answers `call` with the project as it is after the change.
template <typename Answer, typename Call>
ProjectManager::Done<ProjectManager::Project> AnswerWith(Call call) {
  return [call = std::move(call)](absl::StatusOr<ProjectManager::Project> project) {
    if (!project.ok()) return call->Finish(project.status());
    Answer answer;
    FillProject(**project, *answer.mutable_project());
    call->Finish(std::move(answer));
  };
}

absl::Status CheckMode(v1::PropagationMode mode) {
  FieldErrors errors;
  field::CheckPropagation("propagation", mode, errors);
  return errors.ok() ? absl::OkStatus() : errors.ToStatus();
}

}  // namespace

ProjectsService::ProjectsService(const RpcEnvironment& environment, ProjectManager& projects,
                                 WorkerPool& workers, sync::SyncLoop& loop)
    : projects_(projects),
      workers_(workers),
      loop_(loop),
      clock_(environment.clock),
      create_project_(environment, kService, "CreateProject",
                      {.permission = permission::kProjectsManage}),
      get_project_(environment, kService, "GetProject", {.permission = permission::kProjectsRead}),
      list_projects_(environment, kService, "ListProjects",
                     {.permission = permission::kProjectsRead}),
      update_project_(environment, kService, "UpdateProject",
                      {.permission = permission::kProjectsManage}),
      delete_project_(environment, kService, "DeleteProject",
                      {.permission = permission::kProjectsManage}) {}

ProjectsService::Reactor* ProjectsService::CreateProject(Context* context, const Bytes* in,
                                                         Bytes* out) {
  return AnswerLater<v1::CreateProjectRequest, v1::CreateProjectResponse>(
      create_project_, context, in, out, [this](auto call) {
        absl::StatusOr<ProjectRecord> project = ToNewProject(call->request());
        if (!project.ok()) return call->Finish(project.status());
        projects_.Create(call->caller(), *std::move(project), call->request().validate_only(),
                         call->deadline(), AnswerWith<v1::CreateProjectResponse>(call));
      });
}

ProjectsService::Reactor* ProjectsService::GetProject(Context* context, const Bytes* in,
                                                      Bytes* out) {
  return AnswerNow<v1::GetProjectRequest, v1::GetProjectResponse>(
      get_project_, context, in, out,
      [this](const Caller& caller, const v1::GetProjectRequest& request,
             v1::GetProjectResponse& answer) {
        const absl::StatusOr<std::string> id = ToProjectId(request.project_id());
        if (!id.ok()) return id.status();
        const absl::StatusOr<ProjectManager::Project> project = projects_.Get(caller, *id);
        if (!project.ok()) return project.status();
        FillProject(**project, *answer.mutable_project());
        return absl::OkStatus();
      });
}

ProjectsService::Reactor* ProjectsService::ListProjects(Context* context, const Bytes* in,
                                                        Bytes* out) {
  return AnswerLater<v1::ListProjectsRequest, v1::ListProjectsResponse>(
      list_projects_, context, in, out, [this](auto call) {
        FieldErrors errors;
        const size_t page_size =
            field::ReadPageSize("page_size", call->request().page_size(), errors);
        std::string after;
        if (!call->request().page_token().empty()) {
          after = errors.Take(DecodePageToken(ListArguments(), call->request().page_token()));
        }
        if (!errors.ok()) return call->Finish(errors.ToStatus());
        absl::Status queued = workers_.Run([this, call, page_size, after = std::move(after)] {
          absl::StatusOr<ProjectPage> page = projects_.List(call->caller(), after, page_size);
          if (!page.ok()) return call->Finish(page.status());
          v1::ListProjectsResponse answer;
          for (const ProjectRecord& project : page->projects)
            FillProject(project, *answer.add_projects());
          if (!page->next_after.empty()) {
            answer.set_next_page_token(EncodePageToken(ListArguments(), page->next_after));
          }
          call->Finish(std::move(answer));
        });
        if (!queued.ok()) call->Finish(queued);
      });
}

ProjectsService::Reactor* ProjectsService::UpdateProject(Context* context, const Bytes* in,
                                                         Bytes* out) {
  return AnswerLater<v1::UpdateProjectRequest, v1::UpdateProjectResponse>(
      update_project_, context, in, out, [this](auto call) {
        const v1::UpdateProjectRequest& request = call->request();
        absl::StatusOr<ProjectUpdate> update = ToProjectUpdate(request);
        if (!update.ok()) return call->Finish(update.status());
        projects_.Update(call->caller(), std::move(update->values), update->mask,
                         Revision{request.if_revision()}, request.validate_only(), call->deadline(),
                         AnswerWith<v1::UpdateProjectResponse>(call));
      });
}

ProjectsService::Reactor* ProjectsService::DeleteProject(Context* context, const Bytes* in,
                                                         Bytes* out) {
  return AnswerLater<v1::DeleteProjectRequest, v1::DeleteProjectResponse>(
      delete_project_, context, in, out, [this](auto call) {
        const v1::DeleteProjectRequest& request = call->request();
        absl::StatusOr<std::string> id = ToProjectId(request.project_id());
        if (!id.ok()) return call->Finish(id.status());
        if (absl::Status s = CheckMode(request.propagation()); !s.ok()) return call->Finish(s);
        ProjectDeletion deletion{.project_id = *std::move(id),
                                 .if_revision = Revision{request.if_revision()},
                                 .revoke_keys = request.revoke_keys(),
                                 .validate_only = request.validate_only()};
        projects_.Delete(call->caller(), std::move(deletion), call->deadline(),
                         [this, call](absl::StatusOr<DeletedProject> deleted) {
                           if (!deleted.ok()) return call->Finish(deleted.status());
                           if (!deleted->restricting || call->request().validate_only()) {
                             return call->Finish(v1::DeleteProjectResponse());
                           }
                           const absl::Duration until = WaitUntil(
                               call->request().propagation(), call->deadline(), clock_.SinceBoot());
                           loop_.Await(deleted->revision, deleted->project->project_id, until,
                                       [call](const sync::BarrierReport& report) {
                                         v1::DeleteProjectResponse answer;
                                         FillPropagation(report, *answer.mutable_propagation());
                                         call->Finish(std::move(answer));
                                       });
                         });
      });
}

}  // namespace claviger
