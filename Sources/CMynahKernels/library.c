#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mynah_library.h"

#include <dlfcn.h>

void *mynah_symbol_beside(const void *neighbour, const char *name) {
    Dl_info place;
    if (!neighbour || !dladdr(neighbour, &place) || !place.dli_fname) { return 0; }
    void *library = dlopen(place.dli_fname, RTLD_NOW);
    return library ? dlsym(library, name) : 0;
}
