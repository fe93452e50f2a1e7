#if defined(__x86_64__)
#define CONV_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))
#define CONV_ROWS 8
#define CONV_WIDE 1
#define CONV_BF16_DOT 0
#define CONV_PATH mynah_conv_path_avx512
#define CONV_PATH_NAME "avx512"
#include "conv_tile_template.h"
#else
typedef int mynah_conv_avx512_unused;
#endif
