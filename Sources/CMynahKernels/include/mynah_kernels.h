#ifndef MYNAH_KERNELS_H
#define MYNAH_KERNELS_H
#include "mynah_conv.h"
#include "mynah_linear.h"
#endif
