/* The module `_wxmcp_native`: what the library's Python cannot do fast enough, or at all.
 * `_bz2.py`, `_lzma.py`, `_zstd.py` and `_keys.py` beside the adapter are above it. */

#include "stream.h"
#include <stdlib.h>
#include <string.h>

const char STREAM[] = "_wxmcp_native.stream";

enum { FIRST_OUTPUT = 32 * 1024 };

static void drop(PyObject *capsule) {
    Stream *stream = PyCapsule_GetPointer(capsule, STREAM);
    stream->finish(stream);
    free(stream);
}

PyObject *stream_object(Stream *stream) {
    PyObject *capsule = PyCapsule_New(stream, STREAM, drop);
    if (!capsule) {
        stream->finish(stream);
        free(stream);
    }
    return capsule;
}

Stream *stream_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, STREAM); }

/* Makes room after `size` bytes of output; 0 without an exception at the limit. */
static int grow(Stream *stream, PyObject **output, size_t *size, Py_ssize_t limit) {
    size_t larger = *size ? *size * 2 : FIRST_OUTPUT;
    if (limit >= 0 && larger > (size_t)limit) larger = (size_t)limit;
    if (larger <= *size) return 0;
    if (larger > INT32_MAX || _PyBytes_Resize(output, (Py_ssize_t)larger) < 0) {
        if (*output) PyErr_NoMemory();
        return -1;
    }
    stream->next_out = (uint8_t *)PyBytes_AsString(*output) + *size;
    stream->avail_out = larger - *size;
    *size = larger;
    return 1;
}

/* Steps until input, output or the stream ends; -1 with an exception if memory does. */
static int run_to_end(Stream *stream, int action, Py_ssize_t limit, PyObject **output, size_t *size, int *code) {
    int ends_with_input = stream->ends_with_input == action;
    for (;;) {
        if (stream->needs_input && ends_with_input && !stream->avail_in) return 0;
        *code = stream->step(stream, action);
        if (*code != OK) return 0;
        if (ends_with_input && !stream->avail_in && !(stream->holds_output && !stream->avail_out)) return 0;
        if (!stream->avail_out) {
            int grown = grow(stream, output, size, limit);
            if (grown <= 0) return grown;
        }
    }
}

/* run(stream, data, start, limit, action): feeds `data[start:]`; at most `limit` bytes of
 * output where that is not negative. Returns output, how much input is left, OK, END or an
 * error, and whether there was room for more output. */
static PyObject *run(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule, *output;
    Py_buffer data;
    Py_ssize_t start, limit;
    int action, code = OK;
    if (!PyArg_ParseTuple(arguments, "Oy*nni", &capsule, &data, &start, &limit, &action)) return NULL;
    Stream *stream = stream_of(capsule);
    output = stream ? PyBytes_FromStringAndSize(NULL, 0) : NULL;
    if (!output) {
        PyBuffer_Release(&data);
        return NULL;
    }
    size_t size = 0;
    if (start > data.len) start = data.len;
    stream->next_in = (const uint8_t *)data.buf + start;
    stream->avail_in = (size_t)(data.len - start);
    stream->next_out = NULL;
    stream->avail_out = 0;
    if (grow(stream, &output, &size, limit) < 0 || run_to_end(stream, action, limit, &output, &size, &code) < 0) {
        PyBuffer_Release(&data);
        if (output) Py_DecRef(output);
        return NULL;
    }
    PyBuffer_Release(&data);
    size_t left = stream->avail_in, room = stream->avail_out;
    stream->next_in = NULL;
    stream->avail_in = 0;
    if (room && _PyBytes_Resize(&output, (Py_ssize_t)(size - room)) < 0) return NULL;
    return Py_BuildValue("Nnii", output, (Py_ssize_t)left, code, room != 0);
}

/* memory(): bytes of the guest's memory. */
static PyObject *memory(PyObject *module, PyObject *arguments) {
    (void)module;
    (void)arguments;
    return Py_BuildValue("K", (unsigned long long)__builtin_wasm_memory_size(0) * 65536);
}

static PyMethodDef own_methods[] = {
    {"run", run, METH_VARARGS, NULL},
    {"memory", memory, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

enum { METHODS = 64 };

static PyModuleDef definition = {.reference_count = 1, .name = "_wxmcp_native"};

__attribute__((visibility("default"))) PyObject *PyInit__wxmcp_native(void) {
    static PyMethodDef all[METHODS];
    PyMethodDef *parts[] = {own_methods, bzip2_methods, xz_methods, zstd_methods, keys_methods, alone_methods};
    size_t count = 0;
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        for (PyMethodDef *method = parts[part]; method->name && count < METHODS - 1; method++) all[count++] = *method;
    definition.methods = all;
    return PyModuleDef_Init(&definition);
}
