/// Threads that share the parts of one job after another.
///
/// ggml's own pool meets at a spinning barrier after every node, each thread with a fixed share. On a machine that
/// does other things too, a thread that loses its core holds all others up for a time slice, some two thousand
/// times a second of speech. Here the caller works as well, parts are taken one at a time by whoever is free, and
/// a job whose helper sleeps is done by the caller alone. Which thread does a part makes no difference to it.
#ifndef MYNAH_POOL_H
#define MYNAH_POOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mynah_pool mynah_pool;

/// Does part `part` of `parts`.
typedef void (*mynah_task)(void *context, int32_t part, int32_t parts);

enum { MYNAH_POOL_PARTS = 32767 };

/// A pool of `threads` threads, the caller of `mynah_pool_run` among them; NULL when the system has none to give.
mynah_pool *mynah_pool_create(int32_t threads);

/// Ends the threads. No job may be running.
void mynah_pool_destroy(mynah_pool *pool);

/// Runs `task` for every part in 0 ..< parts (at most MYNAH_POOL_PARTS) and returns when all are done. From one
/// thread at a time. `pool` may be NULL: then the caller does every part.
void mynah_pool_run(mynah_pool *pool, mynah_task task, void *context, int32_t parts);

#ifdef __cplusplus
}
#endif
#endif
