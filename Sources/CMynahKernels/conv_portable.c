// Any machine: vectors of whatever width the compiler's target has.
#define CONV_TARGET
#define CONV_ROWS 4
#define CONV_WIDE 0
#define CONV_BF16_DOT 0
#define CONV_PATH mynah_conv_path_portable
#define CONV_PATH_NAME "portable"
#include "conv_tile_template.h"
