/* What both readers of protobuf's wire format share. Source: protobuf.dev/programming-guides/encoding. */
#include <stdint.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
#define TAG(field, wire) (((field) << 3) | (wire))

typedef struct {
    const uint8_t *at, *end;
} Slice;

static int malformed(const char *what) {
    PyErr_SetString(PyExc_ValueError, what);
    return -1;
}

static int all_zero(Slice bytes) {
    for (const uint8_t *at = bytes.at; at < bytes.end; at++)
        if (*at) return 0;
    return 1;
}

static int slice_of(PyObject *payload, Slice *out) {
    char *start;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(payload, &start, &size)) return -1;
    out->at = (const uint8_t *)start;
    out->end = out->at + size;
    return 0;
}
