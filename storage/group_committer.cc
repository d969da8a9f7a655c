#include "storage/key_store.h"
