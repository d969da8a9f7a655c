// How far a restricting change has reached, in words.
#ifndef CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_
#define CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_

#include <claviger/v1/key.pb.h>

#include <string>

namespace claviger::cli {

// What follows `revoked; `: `14 verifiers confirmed in 3 ms`, `no verifier held it (0 sessions)`,
// `3 waiting verifiers stop accepting it within 2.1 s (PENDING)`.
std::string DescribePropagation(const v1::Propagation& propagation);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_
