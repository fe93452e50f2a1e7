#ifndef MYNAH_KERNELS_H
#define MYNAH_KERNELS_H
#include "mynah_attention.h"
#include "mynah_conv.h"
#include "mynah_cpu.h"
#include "mynah_library.h"
#include "mynah_linear.h"
#include "mynah_pool.h"
#include "mynah_ops.h"
#endif
