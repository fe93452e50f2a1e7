#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <errno.h>

// What libav says in macros that Swift cannot import.

static inline int mynah_av_eof(void) { return AVERROR_EOF; }
static inline int mynah_av_again(void) { return AVERROR(EAGAIN); }
static inline int mynah_av_invalid_data(void) { return AVERROR_INVALIDDATA; }
/// libav's form of an errno.
static inline int mynah_av_error(int code) { return AVERROR(code); }
/// The errno inside libav's form of it.
static inline int mynah_av_errno(int error) { return AVUNERROR(error); }
static inline int64_t mynah_av_no_timestamp(void) { return AV_NOPTS_VALUE; }

typedef int (*mynah_av_read)(void *opaque, uint8_t *bytes, int count);
typedef int (*mynah_av_write)(void *opaque, const uint8_t *bytes, int count);
typedef int64_t (*mynah_av_seek)(void *opaque, int64_t offset, int whence);

/// A byte stream over callbacks, one of `read` and `write` null; null when memory is short.
/// libav 61 made the bytes of `write` const; the call is the same either way.
static inline AVIOContext *mynah_av_open_io(
    void *opaque, int capacity, mynah_av_read read, mynah_av_write write, mynah_av_seek seek) {
    unsigned char *buffer = (unsigned char *)av_malloc((size_t)capacity);
    if (!buffer) return NULL;
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    AVIOContext *io = avio_alloc_context(buffer, capacity, write != NULL, opaque, read, write, seek);
#else
    int (*mutable_write)(void *, uint8_t *, int) = (int (*)(void *, uint8_t *, int))write;
    AVIOContext *io = avio_alloc_context(buffer, capacity, write != NULL, opaque, read, mutable_write, seek);
#endif
    if (!io) av_free(buffer);
    return io;
}

/// Frees a stream of `mynah_av_open_io` with its buffer, which libav may have replaced.
static inline void mynah_av_close_io(AVIOContext **io) {
    if (!*io) return;
    av_freep(&(*io)->buffer);
    avio_context_free(io);
}
