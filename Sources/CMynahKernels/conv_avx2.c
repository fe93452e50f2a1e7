#if defined(__x86_64__)
#define CONV_TARGET __attribute__((target("avx2,fma")))
#define CONV_ROWS 4
#define CONV_WIDE 0
#define CONV_BF16_DOT 0
#define CONV_PATH mynah_conv_path_avx2
#define CONV_PATH_NAME "avx2"
#include "conv_tile_template.h"
#else
typedef int mynah_conv_avx2_unused;
#endif
