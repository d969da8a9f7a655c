#include "core/platform/system_clock.h"
