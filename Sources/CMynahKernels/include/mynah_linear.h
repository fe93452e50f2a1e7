#ifndef MYNAH_LINEAR_H
#define MYNAH_LINEAR_H
#endif
