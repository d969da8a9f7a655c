# How targets of this project are made, so that each folder's CMakeLists.txt only says what is in it.

# claviger_library(<name> SRCS <file>... [DEPS <target>...] [PCH <header>...]): PCH names heavy headers that most of
# its sources include; sources include what they use all the same, which the clang build, without them, shows.
function(claviger_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PCH" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE claviger_flags)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  if(ARG_PCH)
    target_precompile_headers(${name} PRIVATE ${ARG_PCH})
  endif()
endfunction()

# What the sanitizers are told, and, for ThreadSanitizer, Abseil's locks and gRPC's operations as it has to see them; a part of every program.
if(CLAVIGER_SANITIZER)
  add_library(claviger_sanitizer OBJECT ${PROJECT_SOURCE_DIR}/tests/sanitizers/options.cc)
  target_compile_definitions(claviger_sanitizer PRIVATE
    CLAVIGER_SUPPRESSIONS_DIR="${PROJECT_SOURCE_DIR}/tests/sanitizers")
  if(CLAVIGER_SANITIZER STREQUAL "thread")
    target_sources(claviger_sanitizer PRIVATE
      ${PROJECT_SOURCE_DIR}/tests/sanitizers/tsan_abseil.cc
      ${PROJECT_SOURCE_DIR}/tests/sanitizers/tsan_grpc.cc)
    # It is locks all the way down.
    target_compile_options(claviger_sanitizer PRIVATE -Wno-thread-safety)
    target_link_libraries(claviger_sanitizer PUBLIC absl::synchronization)
  endif()
  set(CLAVIGER_PROGRAM_DEPS claviger_sanitizer)
endif()

# claviger_binary(<name> SRCS <file>... [DEPS <target>...]): lands in <build>/bin.
function(claviger_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${CLAVIGER_PROGRAM_DEPS} claviger_flags)
endfunction()

# What the unit, contract, integration and simulation suites run: the sanitizers' builds need no more.
add_custom_target(claviger_suites)

# claviger_test(<name> SRCS <file>... [DEPS <target>...] [LABELS <label>...] [PCH <header>...]): a GoogleTest program, each of its cases a test of CTest.
function(claviger_test name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;LABELS;PCH" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  add_dependencies(claviger_suites ${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${CLAVIGER_PROGRAM_DEPS} GTest::gmock_main claviger_flags)
  target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h> ${ARG_PCH})
  # The tests' own code need not be fast, but it must compile fast.
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${name} PRIVATE -O1)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 120 LABELS "${ARG_LABELS}")
endfunction()

# claviger_proto_library(<name> ROOT <dir> PROTOS <file>... [GRPC] [DEPS <target>...]): C++ from .proto files, with
# stubs for their services when GRPC is given. Paths are relative to ROOT.
function(claviger_proto_library name)
  cmake_parse_arguments(ARG "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(proto ${ARG_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(generated ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(plugin)
    if(ARG_GRPC)
      list(APPEND generated ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      set(plugin --grpc_out=${out} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND protobuf::protoc --cpp_out=${out} ${plugin} -I ${ARG_ROOT} -I ${PROJECT_SOURCE_DIR}/proto
              -I ${PROJECT_SOURCE_DIR}/proto/third_party ${ARG_ROOT}/${proto}
      DEPENDS ${ARG_ROOT}/${proto}
      VERBATIM)
    list(APPEND sources ${generated})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()
