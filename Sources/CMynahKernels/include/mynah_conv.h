#ifndef MYNAH_CONV_H
#define MYNAH_CONV_H
#endif
