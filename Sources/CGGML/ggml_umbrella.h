// Stock ggml, as its headers stand. The library itself is found by pkg-config.
#include <ggml.h>
#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
