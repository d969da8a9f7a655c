// The one way into a SecretString.
#ifndef CLAVIGER_CLIENT_SRC_SECRET_ACCESS_H_
#define CLAVIGER_CLIENT_SRC_SECRET_ACCESS_H_

#include "claviger/client_options.h"
#include "core/secret.h"

namespace claviger::client {

class SecretAccess {
 public:
  // Leaves `text` empty.
  static Secret Take(SecretString& text);
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SECRET_ACCESS_H_
