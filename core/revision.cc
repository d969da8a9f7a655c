#include "core/revision.h"
