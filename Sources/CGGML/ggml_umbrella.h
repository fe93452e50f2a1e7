// Stock ggml, as its headers stand. The library itself is found by pkg-config.
#include <ggml.h>
#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>

typedef const struct ggml_type_traits_cpu *(*ggml_get_type_traits_cpu_t)(enum ggml_type type);

// Part of the processor's backend, which is not linked in where ggml loads its backends at run time: null there.
#if defined(__ELF__)
__attribute__((weak)) extern const struct ggml_type_traits_cpu *ggml_get_type_traits_cpu(enum ggml_type type);
static inline ggml_get_type_traits_cpu_t ggml_linked_type_traits_cpu(void) { return ggml_get_type_traits_cpu; }
#else
static inline ggml_get_type_traits_cpu_t ggml_linked_type_traits_cpu(void) { return 0; }
#endif
