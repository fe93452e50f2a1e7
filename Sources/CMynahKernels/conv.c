#include "mynah_conv.h"
