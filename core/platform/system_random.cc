#include "core/platform/system_random.h"
