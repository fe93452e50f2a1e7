#include "mynah_linear.h"
