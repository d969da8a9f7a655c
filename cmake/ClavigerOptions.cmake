# Options of the build, and the flags that every target of ours is compiled with.

option(CLAVIGER_BUILD_TESTS "Build tests and benches" ON)
option(CLAVIGER_WERROR "Treat warnings as errors" OFF)
set(CLAVIGER_SANITIZER "" CACHE STRING "Value for -fsanitize, e.g. address,undefined; empty: none")
option(CLAVIGER_FUZZ "Build fuzzers that libFuzzer drives, and all code so that it guides them; needs clang" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    # Precompiled headers need the sloppiness (ccache(1)); with the base directory, clones share results.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options(-fpch-preprocess)
    else()
      add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    endif()
  endif()
endif()

add_library(claviger_flags INTERFACE)
target_include_directories(claviger_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(claviger_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -fstack-protector-strong $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>
  # gcc 12 warns of fields that designated initializers leave to their defaults, which is what they are for.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>)
target_compile_definitions(claviger_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_link_options(claviger_flags INTERFACE -Wl,-z,relro,-z,now)
if(CLAVIGER_WERROR)
  target_compile_options(claviger_flags INTERFACE -Werror)
endif()
if(CLAVIGER_SANITIZER)
  # -O1 and line numbers alone: builds and runs in half the time, and reports say as much.
  add_compile_options(-fsanitize=${CLAVIGER_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=${CLAVIGER_SANITIZER})
  find_program(CLAVIGER_LLD NAMES ld.lld-14 ld.lld)
  if(CLAVIGER_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(--ld-path=${CLAVIGER_LLD})
  endif()
endif()
if(CLAVIGER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "CLAVIGER_FUZZ needs clang with libFuzzer: cmake --preset asan")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
