#include "core/cidr.h"
