// What starting and confining a worker process needs of the system that Swift cannot reach.
#ifndef MYNAH_WORKER_H
#define MYNAH_WORKER_H

#include <sys/types.h>

/// Makes a connected pair of stream sockets that no program started later inherits, and that do not raise SIGPIPE
/// where the system lets a socket say so. Gives 0, or an error number.
int mynah_worker_socket_pair(int ends[2]);

/// Makes a pipe that no program started later inherits. Gives 0, or an error number.
int mynah_worker_pipe(int ends[2]);

/// Starts a program in a process group of its own, with `protocol` as its descriptor 0 and `words` as 1 and 2, and
/// no other descriptor. Gives 0 and the process, or an error number.
int mynah_worker_spawn(
    const char *program, char *const arguments[], char *const environment[], int protocol, int words,
    pid_t *process);

/// In the worker: no core dump; where the system can, killed when the thread that started it ends, and before
/// others when memory runs out.
void mynah_worker_confine(void);

/// Waits until a process has ended, and leaves it to be reaped, so that its number stays its own meanwhile.
void mynah_worker_await(pid_t process);

#endif
