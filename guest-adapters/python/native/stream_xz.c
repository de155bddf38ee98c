/* .xz, .lzma and raw LZMA streams, by liblzma. */

#include "stream.h"
#include "lzma.h"
#include <stdlib.h>
#include <string.h>

enum { AUTO, XZ, ALONE, RAW };

/* A filter as Python packs it: "Q7I" of id, dict_size, lc, lp, pb, mode, nice_len, mf and depth
 * for LZMA; of id and its one option for the others. */
typedef struct {
    uint64_t id;
    uint32_t options[8];
} Packed;

typedef struct {
    lzma_filter chain[LZMA_FILTERS_MAX + 1];
    union {
        lzma_options_lzma lzma;
        lzma_options_delta delta;
        lzma_options_bcj bcj;
    } options[LZMA_FILTERS_MAX];
} Chain;

typedef struct {
    Stream stream;
    lzma_stream xz;
} Xz;

static int is_lzma(uint64_t id) { return id == LZMA_FILTER_LZMA1 || id == LZMA_FILTER_LZMA2; }

/* The filters of `packed`; Python has checked their number and kinds. */
static void unpack(Chain *chain, const Py_buffer *packed) {
    size_t count = (size_t)packed->len / sizeof(Packed);
    if (count > LZMA_FILTERS_MAX) count = LZMA_FILTERS_MAX;
    memset(chain, 0, sizeof *chain);
    for (size_t i = 0; i < count; i++) {
        Packed one;
        memcpy(&one, (const char *)packed->buf + i * sizeof one, sizeof one);
        chain->chain[i] = (lzma_filter){.id = one.id, .options = &chain->options[i]};
        if (is_lzma(one.id)) {
            lzma_options_lzma *lzma = &chain->options[i].lzma;
            lzma->dict_size = one.options[0];
            lzma->lc = one.options[1];
            lzma->lp = one.options[2];
            lzma->pb = one.options[3];
            lzma->mode = (lzma_mode)one.options[4];
            lzma->nice_len = one.options[5];
            lzma->mf = (lzma_match_finder)one.options[6];
            lzma->depth = one.options[7];
        } else if (one.id == LZMA_FILTER_DELTA) {
            chain->options[i].delta.type = LZMA_DELTA_TYPE_BYTE;
            chain->options[i].delta.dist = one.options[0];
        } else {
            chain->options[i].bcj.start_offset = one.options[0];
        }
    }
    chain->chain[count].id = LZMA_VLI_UNKNOWN;
}

static int step(Stream *stream, int action) {
    Xz *self = (Xz *)stream;
    lzma_stream *xz = &self->xz;
    xz->next_in = stream->next_in;
    xz->avail_in = stream->avail_in;
    xz->next_out = stream->next_out;
    xz->avail_out = stream->avail_out;
    lzma_ret code = lzma_code(xz, (lzma_action)action);
    stream->next_in = xz->next_in;
    stream->avail_in = xz->avail_in;
    stream->next_out = xz->next_out;
    stream->avail_out = xz->avail_out;
    if (code == LZMA_BUF_ERROR && !xz->avail_in && xz->avail_out) return OK; /* no more is to be had now */
    if (code == LZMA_BUF_ERROR && !xz->avail_out) return OK; /* a limit of no bytes */
    if (code != LZMA_NO_CHECK && code != LZMA_GET_CHECK) return (int)code;
    stream->check = (int)lzma_get_check(xz);
    return OK;
}

static void finish(Stream *stream) { lzma_end(&((Xz *)stream)->xz); }

static Xz *new_stream(int holds_output) {
    Xz *self = calloc(1, sizeof *self);
    if (!self) {
        PyErr_NoMemory();
        return NULL;
    }
    self->stream = (Stream){
        .step = step, .finish = finish, .ends_with_input = LZMA_RUN, .holds_output = holds_output, .check = -1};
    return self;
}

/* The stream, or the error of liblzma as a number. */
static PyObject *made(Xz *self, lzma_ret code) {
    if (code == LZMA_OK) return stream_object(&self->stream);
    finish(&self->stream);
    free(self);
    return Py_BuildValue("i", (int)code);
}

/* xz_compressor(format, check, filters) */
static PyObject *xz_compressor(PyObject *module, PyObject *arguments) {
    (void)module;
    int format, check;
    Py_buffer packed;
    if (!PyArg_ParseTuple(arguments, "iiy*", &format, &check, &packed)) return NULL;
    Chain chain;
    unpack(&chain, &packed);
    PyBuffer_Release(&packed);
    Xz *self = new_stream(0);
    if (!self) return NULL;
    lzma_ret code = format == XZ      ? lzma_stream_encoder(&self->xz, chain.chain, (lzma_check)check)
                    : format == ALONE ? lzma_alone_encoder(&self->xz, chain.chain[0].options)
                                      : lzma_raw_encoder(&self->xz, chain.chain);
    return made(self, code);
}

/* xz_decompressor(format, memory limit, filters) */
static PyObject *xz_decompressor(PyObject *module, PyObject *arguments) {
    (void)module;
    int format;
    unsigned long long limit;
    Py_buffer packed;
    if (!PyArg_ParseTuple(arguments, "iKy*", &format, &limit, &packed)) return NULL;
    Chain chain;
    unpack(&chain, &packed);
    PyBuffer_Release(&packed);
    Xz *self = new_stream(1);
    if (!self) return NULL;
    const uint32_t flags = LZMA_TELL_ANY_CHECK | LZMA_TELL_NO_CHECK;
    lzma_ret code = format == AUTO  ? lzma_auto_decoder(&self->xz, limit, flags)
                    : format == XZ  ? lzma_stream_decoder(&self->xz, limit, flags)
                    : format == RAW ? lzma_raw_decoder(&self->xz, chain.chain)
                                    : lzma_alone_decoder(&self->xz, limit);
    return made(self, code);
}

/* xz_check(stream): the check that its data has, -1 if that is not known yet. */
static PyObject *xz_check(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule;
    if (!PyArg_ParseTuple(arguments, "O", &capsule)) return NULL;
    Stream *stream = stream_of(capsule);
    return stream ? Py_BuildValue("i", stream->check) : NULL;
}

/* xz_preset(preset): the options of LZMA, or None. */
static PyObject *xz_preset(PyObject *module, PyObject *arguments) {
    (void)module;
    unsigned preset;
    lzma_options_lzma o;
    if (!PyArg_ParseTuple(arguments, "I", &preset)) return NULL;
    if (lzma_lzma_preset(&o, preset)) return Py_BuildValue("");
    return Py_BuildValue("IIIIIIII", o.dict_size, o.lc, o.lp, o.pb, (unsigned)o.mode, o.nice_len, (unsigned)o.mf, o.depth);
}

/* xz_encode(filter): its properties as bytes, or an error of liblzma. */
static PyObject *xz_encode(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer packed;
    if (!PyArg_ParseTuple(arguments, "y*", &packed)) return NULL;
    Chain chain;
    unpack(&chain, &packed);
    PyBuffer_Release(&packed);
    uint32_t size;
    lzma_ret code = lzma_properties_size(&size, chain.chain);
    if (code != LZMA_OK) return Py_BuildValue("i", (int)code);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!bytes) return NULL;
    code = lzma_properties_encode(chain.chain, (uint8_t *)PyBytes_AsString(bytes));
    if (code == LZMA_OK) return bytes;
    Py_DecRef(bytes);
    return Py_BuildValue("i", (int)code);
}

/* xz_decode(id, properties): options as numbers, () for none, or an error of liblzma. */
static PyObject *xz_decode(PyObject *module, PyObject *arguments) {
    (void)module;
    unsigned long long id;
    Py_buffer properties;
    if (!PyArg_ParseTuple(arguments, "Ky*", &id, &properties)) return NULL;
    lzma_filter filter = {.id = id};
    lzma_ret code = lzma_properties_decode(&filter, NULL, properties.buf, (size_t)properties.len);
    PyBuffer_Release(&properties);
    if (code != LZMA_OK) return Py_BuildValue("i", (int)code);
    PyObject *told;
    if (!filter.options) {
        told = Py_BuildValue("()");
    } else if (is_lzma(id)) {
        lzma_options_lzma *lzma = filter.options;
        told = Py_BuildValue("(IIII)", lzma->dict_size, lzma->lc, lzma->lp, lzma->pb);
    } else if (id == LZMA_FILTER_DELTA) {
        told = Py_BuildValue("(I)", ((lzma_options_delta *)filter.options)->dist);
    } else {
        told = Py_BuildValue("(I)", ((lzma_options_bcj *)filter.options)->start_offset);
    }
    free(filter.options);
    return told;
}

PyMethodDef xz_methods[] = {
    {"xz_compressor", xz_compressor, METH_VARARGS, NULL},
    {"xz_decompressor", xz_decompressor, METH_VARARGS, NULL},
    {"xz_check", xz_check, METH_VARARGS, NULL},
    {"xz_preset", xz_preset, METH_VARARGS, NULL},
    {"xz_encode", xz_encode, METH_VARARGS, NULL},
    {"xz_decode", xz_decode, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
