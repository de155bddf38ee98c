/* As much of CPython's stable ABI as this module uses, declared by hand: the guest's
 * CPython comes without its headers. All of this is the same in every 3.x with
 * 32-bit pointers. */

#ifndef PYTHON_H
#define PYTHON_H

#include <stddef.h>
#include <stdint.h>

typedef struct _object PyObject;
typedef ptrdiff_t Py_ssize_t;

/* Where "y*" of PyArg_ParseTuple puts the bytes of an object. */
typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len;
    Py_ssize_t itemsize;
    int readonly;
    int ndim;
    char *format;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    Py_ssize_t *suboffsets;
    void *internal;
} Py_buffer;

typedef PyObject *(*Function)(PyObject *module, PyObject *arguments);

typedef struct {
    const char *name;
    Function function;
    int flags;
    const char *doc;
} PyMethodDef;

enum { METH_VARARGS = 1 };

typedef struct {
    Py_ssize_t reference_count;
    PyObject *type;
    void *init;
    Py_ssize_t index;
    PyObject *copy;
    const char *name;
    const char *doc;
    Py_ssize_t size;
    PyMethodDef *methods;
    void *slots, *traverse, *clear, *free;
} PyModuleDef;

extern PyObject *PyExc_ValueError;

PyObject *PyModuleDef_Init(PyModuleDef *);
int PyArg_ParseTuple(PyObject *, const char *, ...);
PyObject *Py_BuildValue(const char *, ...);
void PyBuffer_Release(Py_buffer *);
PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
char *PyBytes_AsString(PyObject *);
int _PyBytes_Resize(PyObject **, Py_ssize_t);
PyObject *PyCapsule_New(void *, const char *, void (*)(PyObject *));
void *PyCapsule_GetPointer(PyObject *, const char *);
PyObject *PyErr_NoMemory(void);
void PyErr_SetString(PyObject *, const char *);
void Py_DecRef(PyObject *);
void *PyThreadState_Get(void);
PyObject *PyErr_GetHandledException(void);
void PyErr_SetHandledException(PyObject *);
PyObject *PyObject_CallObject(PyObject *, PyObject *);

#endif
