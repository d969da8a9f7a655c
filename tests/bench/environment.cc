#include "tests/bench/environment.h"

#include <openssl/crypto.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <thread>

#include "fmt/format.h"
#include "grpcpp/grpcpp.h"
#include "rocksdb/version.h"

namespace claviger::bench {
namespace {

std::string CpuModel() {
  constexpr std::string_view kLabel = "model name";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with(kLabel) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string Kernel() {
  utsname name{};
  return uname(&name) == 0 ? fmt::format("{} {}", name.sysname, name.release) : "unknown";
}

std::string Compiler() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace

std::string BenchEnvironment::NewPath(std::string_view stem) {
  return fmt::format("{}/{}-{}", scratch_.path(), ++paths_, stem);
}

Machine DescribeMachine() {
  Machine machine;
  machine.set_cores(std::thread::hardware_concurrency());
  machine.set_cpu(CpuModel());
  machine.set_kernel(Kernel());
  machine.set_compiler(Compiler());
  machine.set_grpc(grpc::Version());
  machine.set_rocksdb(rocksdb::GetRocksVersionAsString());
  machine.set_openssl(OpenSSL_version(OPENSSL_VERSION_STRING));
  return machine;
}

void Progress(std::string_view what) { std::cerr << "bench: " << what << std::endl; }

}  // namespace claviger::bench
