// The pages of a list, read one after the other.
#ifndef CLAVIGER_CLIENT_CLI_PAGING_H_
#define CLAVIGER_CLIENT_CLI_PAGING_H_

#include <fmt/format.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <string>

#include "client/cli/command_context.h"
#include "client/cli/connection.h"

namespace claviger::cli {

// The most that a page of any list has; the server takes more as this.
inline constexpr int kMaxPageSize = 1000;

// Reads pages from the token of `request` on into `all`, one answer, until it has `limit` items or
// no more come; `all.next_page_token()` is then where the rest begins. `count` says how many items
// an answer has; `call`, with a context, a request and an answer, makes the call. An error leaves
// in `all` what came before it.
template <typename Request, typename Response, typename Count, typename Call>
grpc::Status ReadUpTo(int limit, Request request, Connection& connection, Count count, Call call,
                      Response& all) {
  while (count(all) < limit) {
    request.set_page_size(std::min(limit - count(all), kMaxPageSize));
    Response page;
    const grpc::Status status = connection.Call(
        Retry::kIfUnavailable,
        [&](grpc::ClientContext* context) { return call(context, request, &page); });
    if (!status.ok()) return status;
    // MergeFrom appends the items and takes the newer token; an empty one would leave the old one.
    all.clear_next_page_token();
    all.MergeFrom(page);
    if (page.next_page_token().empty()) break;
    // A page may be short, or empty, and not the last: the server ends a long search now and then.
    request.set_page_token(page.next_page_token());
    // Counted once: it costs a look at every item.
    if constexpr (requires { request.set_include_total_size(false); }) {
      request.set_include_total_size(false);
    }
  }
  return grpc::Status::OK;
}

// Says how to go on where `next_page_token` is not empty.
inline void NoteMore(const std::string& next_page_token, CommandContext& context) {
  if (next_page_token.empty()) return;
  context.Note(
      fmt::format("there are more: --all, a higher --limit, or --page-token {}", next_page_token));
}

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PAGING_H_
