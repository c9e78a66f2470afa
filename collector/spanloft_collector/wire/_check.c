/* Whether bytes are an OTLP trace request, and which spans are in it: all that a receiver needs to know of them.
 *
 * Every field is checked as protobuf checks it, UTF-8 included, but nothing is made of it. What protobuf might see
 * differently (an unknown field, a group, a number in more bytes than it needs, deep nesting) raises ValueError, and
 * the caller asks protobuf: taken here means taken there, which a test compares. Sources:
 * protobuf.dev/programming-guides/encoding; opentelemetry-proto common.proto, resource.proto and trace.proto; RFC 3629.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include "protobuf.h"

/* Protobuf takes 100 levels. */
#define MAX_DEPTH 60
#define MAX_FIELD 16

/* What a field holds: none of these, or a message, whose type is what is above MESSAGE. */
enum { UNKNOWN, INTEGER, DOUBLE, WORD, TEXT, BYTES, MESSAGE };
enum { REQUEST, RESOURCE_SPANS, RESOURCE, ENTITY, SCOPE_SPANS, SCOPE, SPAN, EVENT, LINK, STATUS, PAIR, VALUE, ARRAY, PAIRS };
#define OF(type) (MESSAGE + type)

static const uint8_t fields[][MAX_FIELD + 1] = {
    [REQUEST] = {[1] = OF(RESOURCE_SPANS)},
    [RESOURCE_SPANS] = {[1] = OF(RESOURCE), [2] = OF(SCOPE_SPANS), [3] = TEXT},
    [RESOURCE] = {[1] = OF(PAIR), [2] = INTEGER, [3] = OF(ENTITY)},
    [ENTITY] = {[1] = TEXT, [2] = TEXT, [3] = TEXT, [4] = TEXT},
    [SCOPE_SPANS] = {[1] = OF(SCOPE), [2] = OF(SPAN), [3] = TEXT},
    [SCOPE] = {[1] = TEXT, [2] = TEXT, [3] = OF(PAIR), [4] = INTEGER},
    [SPAN] = {[1] = BYTES, [2] = BYTES, [3] = TEXT, [4] = BYTES, [5] = TEXT, [6] = INTEGER, [7] = DOUBLE, [8] = DOUBLE,
              [9] = OF(PAIR), [10] = INTEGER, [11] = OF(EVENT), [12] = INTEGER, [13] = OF(LINK), [14] = INTEGER,
              [15] = OF(STATUS), [16] = WORD},
    [EVENT] = {[1] = DOUBLE, [2] = TEXT, [3] = OF(PAIR), [4] = INTEGER},
    [LINK] = {[1] = BYTES, [2] = BYTES, [3] = TEXT, [4] = OF(PAIR), [5] = INTEGER, [6] = WORD},
    [STATUS] = {[2] = TEXT, [3] = INTEGER},
    [PAIR] = {[1] = TEXT, [2] = OF(VALUE), [3] = INTEGER},
    [VALUE] = {[1] = TEXT, [2] = INTEGER, [3] = INTEGER, [4] = DOUBLE, [5] = OF(ARRAY), [6] = OF(PAIRS), [7] = BYTES,
               [8] = INTEGER},
    [ARRAY] = {[1] = OF(VALUE)},
    [PAIRS] = {[1] = OF(PAIR)},
};

typedef struct {
    PyObject *keys, *invalid;
} Found;

static int is_utf8(Slice in) {
    const uint8_t *at = in.at, *end = in.end;
    while (at < end) {
        uint64_t eight;
        if (end - at >= 8) {
            memcpy(&eight, at, 8);
            if (!(eight & 0x8080808080808080u)) {
                at += 8;
                continue;
            }
        }
        uint8_t lead = *at++;
        if (lead < 0x80) continue;
        int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if (lead < 0xc2 || lead > 0xf4 || end - at < more) return 0;
        /* No longer form than needed, no surrogates, nothing beyond U+10FFFF. */
        if ((lead == 0xe0 && *at < 0xa0) || (lead == 0xed && *at > 0x9f) || (lead == 0xf0 && *at < 0x90) ||
            (lead == 0xf4 && *at > 0x8f))
            return 0;
        for (; more; more--)
            if ((*at++ & 0xc0) != 0x80) return 0;
    }
    return 1;
}

/* A number in at most `bytes` bytes; the tenth holds one bit. */
static int number(Slice *in, int bytes, uint64_t *out) {
    uint64_t value = 0;
    for (int i = 0; i < bytes && in->at < in->end; i++) {
        uint8_t byte = *in->at++;
        if (i == 9 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return 0;
        }
    }
    return malformed("a number that does not end");
}

/* Appends the hash of a span's ids, or None and the reason why they are invalid. */
static int add_ids(Found *found, Slice trace, Slice span) {
    uint8_t both[24];
    int trace_ok = trace.end - trace.at == 16 && !all_zero(trace);
    PyObject *key = NULL;
    if (trace_ok && span.end - span.at == 8 && !all_zero(span)) {
        memcpy(both, trace.at, 16);
        memcpy(both + 16, span.at, 8);
        PyObject *id = PyBytes_FromStringAndSize((const char *)both, 24);
        if (!id) return -1;
        key = PyLong_FromSsize_t(PyObject_Hash(id));
        Py_DECREF(id);
    } else {
        PyObject *reason = PyUnicode_FromString(trace_ok ? "invalid_span_id" : "invalid_trace_id");
        int failed = !reason || PyList_Append(found->invalid, reason);
        Py_XDECREF(reason);
        if (failed) return -1;
        Py_INCREF(Py_None);
        key = Py_None;
    }
    int failed = !key || PyList_Append(found->keys, key);
    Py_XDECREF(key);
    return failed ? -1 : 0;
}

static int read_message(Slice in, int type, int depth, Found *found);

/* The content of a field that says its length. */
static int read_content(Slice content, int holds, int depth, Found *found) {
    if (holds == BYTES) return 0;
    if (holds == TEXT) return is_utf8(content) ? 0 : malformed("a text is no UTF-8");
    return read_message(content, holds - MESSAGE, depth + 1, found);
}

static int read_message(Slice in, int type, int depth, Found *found) {
    Slice ids[2] = {{NULL, NULL}, {NULL, NULL}}, content;
    uint64_t tag, value;
    if (depth > MAX_DEPTH) return malformed("nested too deep");
    while (in.at < in.end) {
        if (number(&in, 2, &tag)) return -1;
        int field = (int)(tag >> 3), holds = field <= MAX_FIELD ? fields[type][field] : UNKNOWN;
        int size = holds == DOUBLE ? 8 : 4;
        switch (tag & 7) {
        case VARINT:
            if (holds != INTEGER) return malformed("an unknown field");
            if (number(&in, 10, &value)) return -1;
            break;
        case FIXED64:
        case FIXED32:
            if (holds != ((tag & 7) == FIXED64 ? DOUBLE : WORD)) return malformed("an unknown field");
            if (in.end - in.at < size) return malformed("a number is cut off");
            in.at += size;
            break;
        case LENGTH:
            if (holds < TEXT) return malformed("an unknown field");
            if (number(&in, 5, &value)) return -1;
            if (value > (uint64_t)(in.end - in.at)) return malformed("a field is longer than its message");
            content.at = in.at;
            content.end = in.at += value;
            if (type == SPAN && field <= 2) ids[field - 1] = content;
            else if (read_content(content, holds, depth, found)) return -1;
            break;
        default:
            return malformed("a group");
        }
    }
    return type == SPAN ? add_ids(found, ids[0], ids[1]) : 0;
}

static PyObject *check(PyObject *module, PyObject *payload) {
    Slice in;
    if (slice_of(payload, &in)) return NULL;
    Found found = {PyList_New(0), PyList_New(0)};
    int failed = !found.keys || !found.invalid || read_message(in, REQUEST, 0, &found);
    PyObject *out = failed ? NULL : PyTuple_Pack(2, found.keys, found.invalid);
    Py_XDECREF(found.keys);
    Py_XDECREF(found.invalid);
    return out;
}

static PyMethodDef methods[] = {
    {"check", check, METH_O, "(hash of the ids or None per span, reasons of the invalid); see the package."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_check", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__check(void) { return PyModule_Create(&definition); }
