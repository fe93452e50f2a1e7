/// Functions of libraries that were loaded rather than linked.
#ifndef MYNAH_LIBRARY_H
#define MYNAH_LIBRARY_H

#ifdef __cplusplus
extern "C" {
#endif

/// The function `name` of the library that `neighbour` is a function of; null where it has none of that name.
void *mynah_symbol_beside(const void *neighbour, const char *name);

#ifdef __cplusplus
}
#endif

#endif
