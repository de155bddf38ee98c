/* bzip2, by its own library. */

#include "stream.h"
#include "bzlib.h"
#include <stdlib.h>

typedef struct {
    Stream stream;
    bz_stream bzip2;
    int decompresses;
} Bzip2;

static int step(Stream *stream, int action) {
    Bzip2 *self = (Bzip2 *)stream;
    bz_stream *bzip2 = &self->bzip2;
    bzip2->next_in = (char *)stream->next_in;
    bzip2->avail_in = (unsigned)stream->avail_in;
    bzip2->next_out = (char *)stream->next_out;
    bzip2->avail_out = (unsigned)stream->avail_out;
    int code = self->decompresses ? BZ2_bzDecompress(bzip2) : BZ2_bzCompress(bzip2, action);
    stream->next_in = (const uint8_t *)bzip2->next_in;
    stream->avail_in = bzip2->avail_in;
    stream->next_out = (uint8_t *)bzip2->next_out;
    stream->avail_out = bzip2->avail_out;
    if (code == BZ_STREAM_END) return END;
    return code == BZ_OK || code == BZ_RUN_OK || code == BZ_FLUSH_OK || code == BZ_FINISH_OK ? OK : code;
}

static void finish(Stream *stream) {
    Bzip2 *self = (Bzip2 *)stream;
    if (self->decompresses) BZ2_bzDecompressEnd(&self->bzip2);
    else BZ2_bzCompressEnd(&self->bzip2);
}

/* bzip2(level): a compressor, a decompressor for level 0. */
static PyObject *bzip2(PyObject *module, PyObject *arguments) {
    (void)module;
    int level;
    if (!PyArg_ParseTuple(arguments, "i", &level)) return NULL;
    Bzip2 *self = calloc(1, sizeof *self);
    if (!self) return PyErr_NoMemory();
    self->stream = (Stream){.step = step, .finish = finish, .ends_with_input = BZ_RUN, .needs_input = level != 0, .check = -1};
    self->decompresses = level == 0;
    int code = level ? BZ2_bzCompressInit(&self->bzip2, level, 0, 0) : BZ2_bzDecompressInit(&self->bzip2, 0, 0);
    if (code != BZ_OK) {
        free(self);
        return PyErr_NoMemory();
    }
    return stream_object(&self->stream);
}

void bz_internal_error(int code) {
    (void)code;
    __builtin_trap();
}

PyMethodDef bzip2_methods[] = {{"bzip2", bzip2, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
