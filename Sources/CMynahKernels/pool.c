#include "mynah_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE() ((void)0)
#endif

/// Rounds of looking for work before a helper sleeps: some 100 microseconds, longer than the sampling between two
/// graphs of a frame, short enough that an idle model leaves its cores alone.
enum { SPINS_BEFORE_SLEEP = 4000, SPINS_BEFORE_YIELD = 1000 };

/// A job's number, its count of parts and the next part, in one word: a helper that takes a part can never pair the
/// part of one job with the task of another.
#define TICKET(job, parts) ((uint64_t)(job) << 32 | (uint64_t)(uint32_t)(parts) << 16)
#define JOB(ticket) ((uint32_t)((ticket) >> 32))
#define PARTS(ticket) ((int32_t)((ticket) >> 16 & 0xffff))
#define PART(ticket) ((int32_t)((ticket) & 0xffff))

struct mynah_pool {
    // Written by the caller while no part is open, read by whoever holds an open part.
    mynah_task task;
    void *context;
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic int32_t open;
    _Alignas(64) _Atomic int32_t sleepers;
    _Atomic bool ending;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int32_t helpers;
    pthread_t threads[];
};

/// Does parts of the job in `ticket` until none is left.
static void work(mynah_pool *pool) {
    for (;;) {
        const uint64_t ticket = atomic_fetch_add_explicit(&pool->ticket, 1, memory_order_acq_rel);
        if (PART(ticket) >= PARTS(ticket)) return;
        pool->task(pool->context, PART(ticket), PARTS(ticket));
        atomic_fetch_sub_explicit(&pool->open, 1, memory_order_release);
    }
}

/// Waits until the pool's job is another than `seen`; false when the pool ends.
static bool wait_for_job(mynah_pool *pool, uint32_t seen) {
    for (int spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) {
        if (JOB(atomic_load_explicit(&pool->ticket, memory_order_acquire)) != seen) return true;
        if (atomic_load_explicit(&pool->ending, memory_order_relaxed)) return false;
        PAUSE();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (JOB(atomic_load(&pool->ticket)) == seen && !atomic_load(&pool->ending))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
    return !atomic_load(&pool->ending);
}

static void *help(void *argument) {
    mynah_pool *pool = argument;
    uint32_t seen = 0;
    while (wait_for_job(pool, seen)) {
        seen = JOB(atomic_load_explicit(&pool->ticket, memory_order_acquire));
        work(pool);
    }
    return NULL;
}

mynah_pool *mynah_pool_create(int32_t threads) {
    const int32_t helpers = threads > 1 ? threads - 1 : 0;
    // Fields that threads write apart stand on cache lines of their own, so the whole must be aligned to them.
    const size_t bytes = (sizeof(mynah_pool) + (size_t)helpers * sizeof(pthread_t) + 63) / 64 * 64;
    mynah_pool *pool = aligned_alloc(64, bytes);
    if (!pool) return NULL;
    memset(pool, 0, bytes);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (; pool->helpers < helpers; pool->helpers++)
        if (pthread_create(&pool->threads[pool->helpers], NULL, help, pool) != 0) break;
    return pool;
}

void mynah_pool_destroy(mynah_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->ending, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 0; i < pool->helpers; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void mynah_pool_run(mynah_pool *pool, mynah_task task, void *context, int32_t parts) {
    if (!pool || pool->helpers == 0 || parts < 2) {
        for (int32_t part = 0; part < parts; part++) task(context, part, parts);
        return;
    }
    pool->task = task;
    pool->context = context;
    atomic_store_explicit(&pool->open, parts, memory_order_relaxed);
    const uint32_t job = JOB(atomic_load_explicit(&pool->ticket, memory_order_relaxed)) + 1;
    atomic_store(&pool->ticket, TICKET(job, parts));
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool);
    // Only parts that a helper has begun are left.
    for (int spin = 0; atomic_load_explicit(&pool->open, memory_order_acquire) > 0; spin++) {
        if (spin < SPINS_BEFORE_YIELD) PAUSE();
        else sched_yield();
    }
}
