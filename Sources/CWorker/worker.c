#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mynah_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

static int set_close_on_exec(const int ends[2]) {
    for (int end = 0; end < 2; end++) {
        if (fcntl(ends[end], F_SETFD, FD_CLOEXEC) < 0) return errno;
    }
    return 0;
}

int mynah_worker_socket_pair(int ends[2]) {
#ifdef __linux__
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? errno : 0;
#else
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return errno;
    const int on = 1;
    for (int end = 0; end < 2; end++) {
        if (setsockopt(ends[end], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) < 0) return errno;
    }
    return set_close_on_exec(ends);
#endif
}

int mynah_worker_pipe(int ends[2]) {
#ifdef __linux__
    (void)set_close_on_exec;
    return pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
#else
    return pipe(ends) < 0 ? errno : set_close_on_exec(ends);
#endif
}

// The signals a worker starts with: none blocked, all as the system has them.
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error) error = posix_spawnattr_setflags(attributes, flags);
    return error;
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int protocol, int words) {
    int error = posix_spawn_file_actions_adddup2(actions, protocol, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, words, 1);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, 1, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
    return error;
}

int mynah_worker_spawn(
    const char *program, char *const arguments[], char *const environment[], int protocol, int words,
    pid_t *process) {
    // A server whose own 0, 1 or 2 were closed may have been given those numbers: away from there first.
    const int high_protocol = fcntl(protocol, F_DUPFD_CLOEXEC, 3);
    const int high_words = fcntl(words, F_DUPFD_CLOEXEC, 3);
    int error = high_protocol < 0 || high_words < 0 ? errno : 0;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (!error && !(error = posix_spawnattr_init(&attributes))) {
        if (!(error = posix_spawn_file_actions_init(&actions))) {
            error = set_attributes(&attributes);
            if (!error) error = set_descriptors(&actions, high_protocol, high_words);
            if (!error) error = posix_spawn(process, program, &actions, &attributes, arguments, environment);
            posix_spawn_file_actions_destroy(&actions);
        }
        posix_spawnattr_destroy(&attributes);
    }
    if (high_protocol >= 0) close(high_protocol);
    if (high_words >= 0) close(high_words);
    return error;
}

void mynah_worker_confine(void) {
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
    // A dump that goes to a program's input knows no limit; a process that may not be dumped has none.
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        ssize_t written = write(score, "500", 3);
        (void)written;
        close(score);
    }
#endif
}

void mynah_worker_await(pid_t process) {
    siginfo_t facts;
    while (waitid(P_PID, (id_t)process, &facts, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
}
