// What comes behind what in gRPC, as ThreadSanitizer has to see it.
//
// Debian's gRPC is built without instrumentation: that an operation is begun by one thread and its
// end is told to another would not be seen. The functions here stand before those of the libraries.
// Whoever is told of an end comes behind everybody who has begun something: that is more than is
// true, and may hide a race, but names none that is not there. Only in programs built with
// -fsanitize=thread.
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "grpcpp/alarm.h"

namespace {

char operations = 0;  // its address stands for all of them

template <typename Function>
Function* Library(const char* symbol) {
  void* const found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) {
    std::fprintf(stderr, "this gRPC has no %s\n", symbol);
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count, void* tag,
                                      void* reserved) {
  static const auto real = Library<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
  __tsan_release(&operations);
  return real(call, ops, count, tag, reserved);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static const auto real =
      Library<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
  const grpc_event event = real(queue, deadline, reserved);
  __tsan_acquire(&operations);
  return event;
}

}  // extern "C"

namespace grpc {

void Alarm::SetInternal(CompletionQueue* queue, gpr_timespec deadline, void* tag) {
  static const auto real = Library<void(Alarm*, CompletionQueue*, gpr_timespec, void*)>(
      "_ZN4grpc5Alarm11SetInternalEPNS_15CompletionQueueE12gpr_timespecPv");
  __tsan_release(&operations);
  real(this, queue, deadline, tag);
}

void Alarm::SetInternal(gpr_timespec deadline, std::function<void(bool)> called) {
  static const auto real = Library<void(Alarm*, gpr_timespec, std::function<void(bool)>)>(
      "_ZN4grpc5Alarm11SetInternalE12gpr_timespecSt8functionIFvbEE");
  __tsan_release(&operations);
  real(this, deadline, std::move(called));
}

}  // namespace grpc
