#include "core/scope.h"
