/* OTLP trace requests to plain Python objects, straight from the protobuf wire format.
 *
 * What protobuf's own objects cost is asking them, attribute by attribute, from Python; here every field is touched
 * once. Meaning and results are those of fallback.py, which is used where this is not compiled; a test compares both.
 * Anything unusual (a group, a singular message that comes twice, a bad length) raises ValueError, and the caller asks
 * the fallback. Sources: protobuf.dev/programming-guides/encoding; opentelemetry-proto common.proto and trace.proto.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include "protobuf.h"

#define MAX_DEPTH 100
#define KEY_BYTES 64
#define KEY_SLOTS 1024

typedef struct {
    uint64_t tag;
    uint64_t number; /* of a varint or a fixed-size field */
    Slice bytes;     /* of a length-delimited field */
} Field;

/* Attribute keys repeat in every span: making each text once is faster, and its hash is known from then on. */
static struct {
    uint8_t length;
    char bytes[KEY_BYTES];
    PyObject *text;
} keys[KEY_SLOTS];

static int varint(Slice *in, uint64_t *out) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return 0;
        }
    }
    return malformed("a varint does not end");
}

/* 1: a field was read; 0: the end; -1: an error is set. */
static int next(Slice *in, Field *field) {
    if (in->at >= in->end) return 0;
    if (varint(in, &field->tag)) return -1;
    switch (field->tag & 7) {
    case VARINT:
        return varint(in, &field->number) ? -1 : 1;
    case LENGTH: {
        uint64_t length;
        if (varint(in, &length)) return -1;
        if (length > (uint64_t)(in->end - in->at)) return malformed("a field is longer than its message");
        field->bytes.at = in->at;
        in->at += length;
        field->bytes.end = in->at;
        return 1;
    }
    case FIXED64:
    case FIXED32: {
        int size = (field->tag & 7) == FIXED64 ? 8 : 4;
        if (in->end - in->at < size) return malformed("a number is cut off");
        field->number = 0;
        for (int i = 0; i < size; i++) field->number |= (uint64_t)in->at[i] << (8 * i);
        in->at += size;
        return 1;
    }
    default:
        return malformed("a group");
    }
}

static PyObject *text_of(Slice bytes) {
    return PyUnicode_FromStringAndSize(bytes.at ? (const char *)bytes.at : "", bytes.end - bytes.at);
}

static PyObject *bytes_of(Slice bytes) {
    return PyBytes_FromStringAndSize((const char *)bytes.at, bytes.end - bytes.at);
}

static PyObject *hex_of(Slice bytes) {
    static const char digits[] = "0123456789abcdef";
    char small[64] = "";
    Py_ssize_t count = bytes.end - bytes.at;
    char *out = count <= 32 ? small : PyMem_Malloc(2 * (size_t)count);
    if (!out) return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes.at[i] >> 4];
        out[2 * i + 1] = digits[bytes.at[i] & 15];
    }
    PyObject *text = PyUnicode_FromStringAndSize(out, 2 * count);
    if (out != small) PyMem_Free(out);
    return text;
}

static PyObject *key_of(Slice bytes) {
    size_t length = (size_t)(bytes.end - bytes.at);
    if (length > KEY_BYTES) return text_of(bytes);
    uint32_t hash = 2166136261u;
    for (const uint8_t *at = bytes.at; at < bytes.end; at++) hash = (hash ^ *at) * 16777619u;
    unsigned slot = (hash ^ (hash >> 15)) % KEY_SLOTS;
    if (keys[slot].text && keys[slot].length == length && !memcmp(keys[slot].bytes, bytes.at, length)) {
        Py_INCREF(keys[slot].text);
        return keys[slot].text;
    }
    PyObject *text = text_of(bytes);
    if (!text) return NULL;
    Py_XDECREF(keys[slot].text);
    Py_INCREF(text);
    keys[slot].text = text;
    keys[slot].length = (uint8_t)length;
    memcpy(keys[slot].bytes, bytes.at, length);
    return text;
}

static int add_pair(PyObject *into, Slice in, int depth);
static PyObject *value_of(Slice in, int depth);

static PyObject *list_of(Slice in, int depth) {
    PyObject *list = PyList_New(0);
    Field field;
    int more;
    while (list && (more = next(&in, &field))) {
        PyObject *item = more > 0 && field.tag == TAG(1, LENGTH) ? value_of(field.bytes, depth) : NULL;
        if (more > 0 && field.tag != TAG(1, LENGTH)) continue;
        if (!item || PyList_Append(list, item)) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *dict_of(Slice in, int depth) {
    PyObject *dict = PyDict_New();
    Field field;
    int more;
    while (dict && (more = next(&in, &field))) {
        if (more > 0 && field.tag != TAG(1, LENGTH)) continue;
        if (more < 0 || add_pair(dict, field.bytes, depth)) Py_CLEAR(dict);
    }
    return dict;
}

/* An AnyValue; of several members the last counts. */
static PyObject *value_of(Slice in, int depth) {
    PyObject *value = NULL;
    uint64_t nested = 0;
    Field field;
    int more;
    if (depth > MAX_DEPTH) {
        malformed("nested too deep");
        return NULL;
    }
    while ((more = next(&in, &field)) > 0) {
        PyObject *found;
        switch (field.tag) {
        case TAG(1, LENGTH): found = text_of(field.bytes); break;
        case TAG(2, VARINT): found = PyBool_FromLong(field.number != 0); break;
        case TAG(3, VARINT): found = PyLong_FromLongLong((long long)field.number); break;
        case TAG(4, FIXED64): {
            double number;
            memcpy(&number, &field.number, sizeof number);
            found = PyFloat_FromDouble(number);
            break;
        }
        case TAG(5, LENGTH):
        case TAG(6, LENGTH):
            if (nested == field.tag) {
                malformed("a message that comes twice");
                found = NULL;
            } else {
                found = (field.tag >> 3) == 5 ? list_of(field.bytes, depth + 1) : dict_of(field.bytes, depth + 1);
            }
            nested = field.tag;
            break;
        case TAG(7, LENGTH): found = bytes_of(field.bytes); break;
        case TAG(8, VARINT): found = PyLong_FromLong((int32_t)field.number); break;
        default: continue;
        }
        Py_XDECREF(value);
        value = found;
        if (!found) return NULL;
    }
    if (more < 0) {
        Py_XDECREF(value);
        return NULL;
    }
    if (!value) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    return value;
}

static int add_pair(PyObject *into, Slice in, int depth) {
    Slice key = {NULL, NULL}, value = {NULL, NULL};
    Field field;
    int more;
    while ((more = next(&in, &field)) > 0) {
        if (field.tag == TAG(1, LENGTH)) {
            key = field.bytes;
        } else if (field.tag == TAG(2, LENGTH)) {
            if (value.at) return malformed("a message that comes twice");
            value = field.bytes;
        }
    }
    if (more < 0) return -1;
    PyObject *name = key_of(key);
    PyObject *found = name ? value_of(value, depth) : NULL;
    int failed = !found || PyDict_SetItem(into, name, found);
    Py_XDECREF(name);
    Py_XDECREF(found);
    return failed ? -1 : 0;
}

/* {field name: value} of an event (1: time, 2: name, 3: attributes) or a link (1: trace, 2: span, 4: attributes). */
static PyObject *event_or_link(Slice in, int is_event) {
    PyObject *dict = PyDict_New(), *attributes = PyDict_New(), *result = NULL;
    Slice first = {NULL, NULL}, second = {NULL, NULL};
    uint64_t time = 0, pair = is_event ? TAG(3, LENGTH) : TAG(4, LENGTH);
    Field field;
    int more;
    if (!dict || !attributes) goto end;
    while ((more = next(&in, &field)) > 0) {
        if (field.tag == TAG(1, FIXED64)) time = field.number;
        else if (field.tag == TAG(1, LENGTH)) first = field.bytes;
        else if (field.tag == TAG(2, LENGTH)) second = field.bytes;
        else if (field.tag == pair && add_pair(attributes, field.bytes, 0)) goto end;
    }
    if (more < 0) goto end;
    PyObject *one = is_event ? text_of(second) : hex_of(first);
    PyObject *two = is_event ? PyLong_FromUnsignedLongLong(time) : hex_of(second);
    if (one && two && !PyDict_SetItemString(dict, is_event ? "name" : "trace_id", one) &&
        !PyDict_SetItemString(dict, is_event ? "time_ns" : "span_id", two) &&
        !PyDict_SetItemString(dict, "attributes", attributes)) {
        Py_INCREF(dict);
        result = dict;
    }
    Py_XDECREF(one);
    Py_XDECREF(two);
end:
    Py_XDECREF(dict);
    Py_XDECREF(attributes);
    return result;
}

static int append_new(PyObject *list, PyObject *item) {
    int failed = !item || PyList_Append(list, item);
    Py_XDECREF(item);
    return failed ? -1 : 0;
}

static PyObject *parent_of(Slice id) {
    if (id.end - id.at == 8 && !all_zero(id)) return hex_of(id);
    Py_INCREF(Py_None);
    return Py_None;
}

typedef struct {
    Slice trace_id, span_id, parent, name, message;
    uint64_t start, end;
    int32_t kind, status;
} SpanFields;

static int read_status(Slice in, SpanFields *span) {
    Field field;
    int more;
    while ((more = next(&in, &field)) > 0) {
        if (field.tag == TAG(2, LENGTH)) span->message = field.bytes;
        else if (field.tag == TAG(3, VARINT)) span->status = (int32_t)field.number;
    }
    return more;
}

static int read_span(Slice in, SpanFields *span, PyObject *attributes, PyObject *events, PyObject *links) {
    Field field;
    int more;
    while ((more = next(&in, &field)) > 0) {
        int failed = 0;
        switch (field.tag) {
        case TAG(1, LENGTH): span->trace_id = field.bytes; break;
        case TAG(2, LENGTH): span->span_id = field.bytes; break;
        case TAG(4, LENGTH): span->parent = field.bytes; break;
        case TAG(5, LENGTH): span->name = field.bytes; break;
        case TAG(6, VARINT): span->kind = (int32_t)field.number; break;
        case TAG(7, FIXED64): span->start = field.number; break;
        case TAG(8, FIXED64): span->end = field.number; break;
        case TAG(9, LENGTH): failed = add_pair(attributes, field.bytes, 0); break;
        case TAG(11, LENGTH): failed = append_new(events, event_or_link(field.bytes, 1)); break;
        case TAG(13, LENGTH): failed = append_new(links, event_or_link(field.bytes, 0)); break;
        case TAG(15, LENGTH): failed = read_status(field.bytes, span); break;
        default: break;
        }
        if (failed) return -1;
    }
    return more;
}

/* See decode() in __init__.py for the order of the members. */
static PyObject *span_of(Slice in, PyObject *scope_name, PyObject *scope_version) {
    SpanFields span;
    memset(&span, 0, sizeof span);
    PyObject *attributes = PyDict_New(), *events = PyList_New(0), *links = PyList_New(0), *out = NULL;
    PyObject *members[12];
    memset(members, 0, sizeof members);
    if (!attributes || !events || !links || read_span(in, &span, attributes, events, links)) goto end;
    members[0] = hex_of(span.trace_id);
    members[1] = hex_of(span.span_id);
    if (!(members[2] = text_of(span.name)) || !(members[7] = text_of(span.message))) goto end;
    members[3] = PyLong_FromUnsignedLongLong(span.start);
    members[4] = PyLong_FromUnsignedLongLong(span.end);
    members[5] = PyLong_FromLong(span.kind);
    members[6] = PyLong_FromLong(span.status);
    members[8] = parent_of(span.parent);
    for (int i = 0; i < 9; i++)
        if (!members[i]) goto end;
    out = PyTuple_Pack(14, members[0], members[1], members[2], scope_name, scope_version, attributes, events,
                       members[3], members[4], members[5], members[6], members[7], members[8], links);
end:
    for (int i = 0; i < 9; i++) Py_XDECREF(members[i]);
    Py_XDECREF(attributes);
    Py_XDECREF(events);
    Py_XDECREF(links);
    return out;
}

static int read_scope(Slice in, Slice *name, Slice *version) {
    Field field;
    int more;
    while ((more = next(&in, &field)) > 0) {
        if (field.tag == TAG(1, LENGTH)) *name = field.bytes;
        else if (field.tag == TAG(2, LENGTH)) *version = field.bytes;
    }
    return more;
}

/* ScopeSpans: the scope first, wherever it stands, then its spans. */
static int add_scope(PyObject *spans, Slice all) {
    Slice in = all, name = {NULL, NULL}, version = {NULL, NULL};
    Field field;
    int more, failed = 0;
    while ((more = next(&in, &field)) > 0)
        if (field.tag == TAG(1, LENGTH) && read_scope(field.bytes, &name, &version)) return -1;
    if (more < 0) return -1;
    /* One after the other: a text can't be made while the error of another is set. */
    PyObject *scope_name = text_of(name), *scope_version = scope_name ? text_of(version) : NULL;
    failed = !scope_name || !scope_version;
    for (in = all; !failed && next(&in, &field) > 0;)
        if (field.tag == TAG(2, LENGTH)) failed = append_new(spans, span_of(field.bytes, scope_name, scope_version));
    Py_XDECREF(scope_name);
    Py_XDECREF(scope_version);
    return failed ? -1 : 0;
}

static PyObject *resource_spans(Slice all) {
    PyObject *attributes = PyDict_New(), *spans = PyList_New(0), *out = NULL;
    Slice in = all, inner;
    Field field, pair;
    int more, nested;
    if (!attributes || !spans) goto end;
    while ((more = next(&in, &field)) > 0) {
        if (field.tag != TAG(1, LENGTH)) continue;
        inner = field.bytes;
        while ((nested = next(&inner, &pair)) > 0)
            if (pair.tag == TAG(1, LENGTH) && add_pair(attributes, pair.bytes, 0)) goto end;
        if (nested < 0) goto end;
    }
    if (more < 0) goto end;
    for (in = all; next(&in, &field) > 0;)
        if (field.tag == TAG(2, LENGTH) && add_scope(spans, field.bytes)) goto end;
    out = PyTuple_Pack(2, attributes, spans);
end:
    Py_XDECREF(attributes);
    Py_XDECREF(spans);
    return out;
}

static PyObject *decode(PyObject *module, PyObject *payload) {
    Slice in;
    Field field;
    int more = 0;
    if (slice_of(payload, &in)) return NULL;
    PyObject *out = PyList_New(0);
    while (out && (more = next(&in, &field)) > 0)
        if (field.tag == TAG(1, LENGTH) && append_new(out, resource_spans(field.bytes))) Py_CLEAR(out);
    if (more < 0) Py_CLEAR(out);
    return out;
}

static PyMethodDef methods[] = {
    {"decode", decode, METH_O, "Spans of a serialised request, by resource; see the package."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_otlp", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__otlp(void) { return PyModule_Create(&definition); }
