#include "core/key_format.h"
