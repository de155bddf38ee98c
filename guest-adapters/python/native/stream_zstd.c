/* Zstandard, by its own library. An error is minus the number of a ZSTD_ErrorCode. */

#include "stream.h"
#define ZSTD_STATIC_LINKING_ONLY
#include "zdict.h"
#include "zstd.h"
#include "zstd_errors.h"
#include <stdlib.h>

enum { DIGESTED, UNDIGESTED, PREFIX };

typedef struct {
    Stream stream;
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
} Zstd;

static const char COMPRESSING[] = "_wxmcp_native.cdict", DECOMPRESSING[] = "_wxmcp_native.ddict";

static int error_of(size_t result) { return ZSTD_isError(result) ? -(int)ZSTD_getErrorCode(result) : OK; }

static int step(Stream *stream, int action) {
    Zstd *self = (Zstd *)stream;
    ZSTD_inBuffer in = {stream->next_in, stream->avail_in, 0};
    ZSTD_outBuffer out = {stream->next_out, stream->avail_out, 0};
    size_t result = self->compressor ? ZSTD_compressStream2(self->compressor, &out, &in, (ZSTD_EndDirective)action)
                                     : ZSTD_decompressStream(self->decompressor, &out, &in);
    stream->next_in += in.pos;
    stream->avail_in -= in.pos;
    stream->next_out += out.pos;
    stream->avail_out -= out.pos;
    return result == 0 ? END : error_of(result);
}

static void finish(Stream *stream) {
    Zstd *self = (Zstd *)stream;
    ZSTD_freeCCtx(self->compressor);
    ZSTD_freeDCtx(self->decompressor);
}

/* zstd(compresses) */
static PyObject *zstd(PyObject *module, PyObject *arguments) {
    (void)module;
    int compresses;
    if (!PyArg_ParseTuple(arguments, "i", &compresses)) return NULL;
    Zstd *self = calloc(1, sizeof *self);
    if (!self) return PyErr_NoMemory();
    /* Of a compressor every action ends with END, for which -1 is none of them. */
    self->stream = (Stream){.step = step, .finish = finish, .ends_with_input = compresses ? -1 : 0, .holds_output = 1, .check = -1};
    if (compresses) self->compressor = ZSTD_createCCtx();
    else self->decompressor = ZSTD_createDCtx();
    if (!self->compressor && !self->decompressor) {
        free(self);
        return PyErr_NoMemory();
    }
    return stream_object(&self->stream);
}

static Zstd *zstd_of(PyObject *capsule) { return (Zstd *)stream_of(capsule); }

/* zstd_set(stream, parameter, value): OK or an error. */
static PyObject *zstd_set(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule;
    int parameter, value;
    if (!PyArg_ParseTuple(arguments, "Oii", &capsule, &parameter, &value)) return NULL;
    Zstd *self = zstd_of(capsule);
    if (!self) return NULL;
    size_t result = self->compressor ? ZSTD_CCtx_setParameter(self->compressor, (ZSTD_cParameter)parameter, value)
                                     : ZSTD_DCtx_setParameter(self->decompressor, (ZSTD_dParameter)parameter, value);
    return Py_BuildValue("i", error_of(result));
}

/* zstd_pledge(stream, size): the size of the next frame, -1 for one that is not known. */
static PyObject *zstd_pledge(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule;
    long long size;
    if (!PyArg_ParseTuple(arguments, "OL", &capsule, &size)) return NULL;
    Zstd *self = zstd_of(capsule);
    if (!self) return NULL;
    unsigned long long pledged = size < 0 ? ZSTD_CONTENTSIZE_UNKNOWN : (unsigned long long)size;
    return Py_BuildValue("i", error_of(ZSTD_CCtx_setPledgedSrcSize(self->compressor, pledged)));
}

/* zstd_reset(stream): gives up the frame that has begun. */
static PyObject *zstd_reset(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule;
    if (!PyArg_ParseTuple(arguments, "O", &capsule)) return NULL;
    Zstd *self = zstd_of(capsule);
    if (!self) return NULL;
    if (self->compressor) ZSTD_CCtx_reset(self->compressor, ZSTD_reset_session_only);
    else ZSTD_DCtx_reset(self->decompressor, ZSTD_reset_session_only);
    return Py_BuildValue("");
}

static void drop_compressing(PyObject *capsule) { ZSTD_freeCDict(PyCapsule_GetPointer(capsule, COMPRESSING)); }

static void drop_decompressing(PyObject *capsule) { ZSTD_freeDDict(PyCapsule_GetPointer(capsule, DECOMPRESSING)); }

/* zstd_digest(content, compresses, level): a digested dictionary, or None. */
static PyObject *zstd_digest(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer content;
    int compresses, level;
    if (!PyArg_ParseTuple(arguments, "y*ii", &content, &compresses, &level)) return NULL;
    void *made = compresses ? (void *)ZSTD_createCDict(content.buf, (size_t)content.len, level)
                            : (void *)ZSTD_createDDict(content.buf, (size_t)content.len);
    PyBuffer_Release(&content);
    if (!made) return Py_BuildValue("");
    return compresses ? PyCapsule_New(made, COMPRESSING, drop_compressing)
                      : PyCapsule_New(made, DECOMPRESSING, drop_decompressing);
}

/* zstd_use(stream, digested): takes a digested dictionary, which has to outlive the stream. */
static PyObject *zstd_use(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule, *digested;
    if (!PyArg_ParseTuple(arguments, "OO", &capsule, &digested)) return NULL;
    Zstd *self = zstd_of(capsule);
    void *dictionary = self ? PyCapsule_GetPointer(digested, self->compressor ? COMPRESSING : DECOMPRESSING) : NULL;
    if (!dictionary) return NULL;
    size_t result = self->compressor ? ZSTD_CCtx_refCDict(self->compressor, dictionary)
                                     : ZSTD_DCtx_refDDict(self->decompressor, dictionary);
    return Py_BuildValue("i", error_of(result));
}

/* zstd_load(stream, content, kind): takes a dictionary, or a prefix, which has to outlive the stream. */
static PyObject *zstd_load(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule;
    Py_buffer content;
    int kind;
    if (!PyArg_ParseTuple(arguments, "Oy*i", &capsule, &content, &kind)) return NULL;
    Zstd *self = zstd_of(capsule);
    size_t result = 0, size = (size_t)content.len;
    if (self && self->compressor)
        result = kind == PREFIX ? ZSTD_CCtx_refPrefix(self->compressor, content.buf, size)
                                : ZSTD_CCtx_loadDictionary(self->compressor, content.buf, size);
    else if (self)
        result = kind == PREFIX ? ZSTD_DCtx_refPrefix(self->decompressor, content.buf, size)
                                : ZSTD_DCtx_loadDictionary(self->decompressor, content.buf, size);
    PyBuffer_Release(&content);
    return self ? Py_BuildValue("i", error_of(result)) : NULL;
}

/* zstd_bounds(parameter, compresses): the lowest and the highest value, or an error. */
static PyObject *zstd_bounds(PyObject *module, PyObject *arguments) {
    (void)module;
    int parameter, compresses;
    if (!PyArg_ParseTuple(arguments, "ii", &parameter, &compresses)) return NULL;
    ZSTD_bounds bounds =
        compresses ? ZSTD_cParam_getBounds((ZSTD_cParameter)parameter) : ZSTD_dParam_getBounds((ZSTD_dParameter)parameter);
    if (ZSTD_isError(bounds.error)) return Py_BuildValue("i", error_of(bounds.error));
    return Py_BuildValue("(ii)", bounds.lowerBound, bounds.upperBound);
}

/* zstd_frame(data): compressed size, minus an error; size of its content, -1 if it does not say, -2 for
 * an error; the number of its dictionary. */
static PyObject *zstd_frame(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "y*", &data)) return NULL;
    size_t size = (size_t)data.len, compressed = ZSTD_findFrameCompressedSize(data.buf, size);
    unsigned long long content = ZSTD_getFrameContentSize(data.buf, size);
    unsigned dictionary = ZSTD_getDictID_fromFrame(data.buf, size);
    PyBuffer_Release(&data);
    long long told = ZSTD_isError(compressed) ? error_of(compressed) : (long long)compressed;
    return Py_BuildValue("LLI", told, (long long)content, dictionary);
}

/* zstd_dictionary(content): its number. */
static PyObject *zstd_dictionary(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer content;
    if (!PyArg_ParseTuple(arguments, "y*", &content)) return NULL;
    unsigned number = ZSTD_getDictID_fromDict(content.buf, (size_t)content.len);
    PyBuffer_Release(&content);
    return Py_BuildValue("I", number);
}

/* zstd_train(samples, sizes as "I"s, size, content or b"", level): a dictionary, or an error. With content, that is made
 * into one. */
static PyObject *zstd_train(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer samples, sizes, content;
    Py_ssize_t size;
    int level;
    if (!PyArg_ParseTuple(arguments, "y*y*ny*i", &samples, &sizes, &size, &content, &level)) return NULL;
    PyObject *made = PyBytes_FromStringAndSize(NULL, size);
    size_t result = 0;
    if (made) {
        unsigned count = (unsigned)((size_t)sizes.len / sizeof(size_t));
        char *out = PyBytes_AsString(made);
        ZDICT_params_t parameters = {.compressionLevel = level};
        result = content.len ? ZDICT_finalizeDictionary(out, (size_t)size, content.buf, (size_t)content.len, samples.buf,
                                                        sizes.buf, count, parameters)
                             : ZDICT_trainFromBuffer(out, (size_t)size, samples.buf, sizes.buf, count);
    }
    PyBuffer_Release(&samples);
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&content);
    if (!made) return NULL;
    if (ZDICT_isError(result)) {
        Py_DecRef(made);
        return Py_BuildValue("i", error_of(result));
    }
    return _PyBytes_Resize(&made, (Py_ssize_t)result) < 0 ? NULL : made;
}

/* zstd_text(error): what it means. */
static PyObject *zstd_text(PyObject *module, PyObject *arguments) {
    (void)module;
    int error;
    if (!PyArg_ParseTuple(arguments, "i", &error)) return NULL;
    return Py_BuildValue("s", ZSTD_getErrorString((ZSTD_ErrorCode)-error));
}

/* zstd_about(): the library's version, its default level, and the size of output that suits it. */
static PyObject *zstd_about(PyObject *module, PyObject *arguments) {
    (void)module;
    (void)arguments;
    return Py_BuildValue("siii", ZSTD_versionString(), ZSTD_defaultCLevel(), (int)ZSTD_DStreamOutSize(), ZSTD_maxCLevel());
}

PyMethodDef zstd_methods[] = {
    {"zstd", zstd, METH_VARARGS, NULL},
    {"zstd_set", zstd_set, METH_VARARGS, NULL},
    {"zstd_pledge", zstd_pledge, METH_VARARGS, NULL},
    {"zstd_reset", zstd_reset, METH_VARARGS, NULL},
    {"zstd_digest", zstd_digest, METH_VARARGS, NULL},
    {"zstd_use", zstd_use, METH_VARARGS, NULL},
    {"zstd_load", zstd_load, METH_VARARGS, NULL},
    {"zstd_bounds", zstd_bounds, METH_VARARGS, NULL},
    {"zstd_frame", zstd_frame, METH_VARARGS, NULL},
    {"zstd_dictionary", zstd_dictionary, METH_VARARGS, NULL},
    {"zstd_train", zstd_train, METH_VARARGS, NULL},
    {"zstd_text", zstd_text, METH_VARARGS, NULL},
    {"zstd_about", zstd_about, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
