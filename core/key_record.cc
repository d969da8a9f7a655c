#include "core/key_record.h"
