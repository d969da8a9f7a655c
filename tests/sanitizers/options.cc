// What the sanitizers are told, as part of every program, so that it holds however one is started.
// ASAN_OPTIONS and its like win over it.
extern "C" {

const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "detect_stack_use_after_return=1:check_initialization_order=1:strict_string_checks=1:"
         "suppressions=" CLAVIGER_SUPPRESSIONS_DIR "/asan.supp";
}

const char* __lsan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "print_suppressions=0:suppressions=" CLAVIGER_SUPPRESSIONS_DIR "/lsan.supp";
}

const char* __ubsan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "print_stacktrace=1:suppressions=" CLAVIGER_SUPPRESSIONS_DIR "/ubsan.supp";
}

// Debian's gRPC, RocksDB and Abseil are built without instrumentation: what they do among
// themselves is not seen, so that what is seen of it makes no sense.
const char* __tsan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "ignore_noninstrumented_modules=1:second_deadlock_stack=1:halt_on_error=0:exitcode=66:"
         "suppressions=" CLAVIGER_SUPPRESSIONS_DIR "/tsan.supp";
}

}  // extern "C"
