/* One way through a compressor or a decompressor: what the formats have in common. */

#ifndef STREAM_H
#define STREAM_H

#include "python.h"

enum { OK = 0, END = 1 }; /* what a step says; anything else is an error of the format */

typedef struct Stream {
    /* Moves on; the four fields below tell it what there is, and it advances them. */
    int (*step)(struct Stream *, int action);
    void (*finish)(struct Stream *);
    const uint8_t *next_in;
    size_t avail_in;
    uint8_t *next_out;
    size_t avail_out;
    /* An action that ends with its input, though no step says END. */
    int ends_with_input;
    /* Whether a decompressor may hold output that needs no more input. */
    int holds_output;
    /* Whether a step without input is an error. */
    int needs_input;
    /* The integrity check of a .xz file, or -1. */
    int check;
} Stream;

/* A capsule around a stream, which it owns. */
PyObject *stream_object(Stream *);

/* The stream in a capsule, or NULL with an exception. */
Stream *stream_of(PyObject *);

/* A capsule's name. */
extern const char STREAM[];

extern PyMethodDef bzip2_methods[], xz_methods[], zstd_methods[], keys_methods[], alone_methods[];

#endif
