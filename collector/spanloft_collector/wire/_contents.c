/* Content attributes in their plain forms, recognised in their JSON text without making Python objects.
 *
 * Plain messages are [{"role": R, "parts": [{"type": "text", "content": "..."}, ...], "finish_reason": "..."}, ...] with
 * the keys in any order and none twice; plain documents [{"id": ..., "score": ..., "content": "..."}, ...]. Nearly all
 * content is of these forms or JSON that is stored as it stands, and all else that the store needs of it is its first
 * characters. Whatever else the text is, even no JSON at all, the answer is None and Python reads it.
 * A test holds both ways equal. Source: RFC 8259; semantic-conventions-genai, gen_ai.input.messages.
 */
#include "json.h"

#define MAX_DEPTH 30
#define MAX_MEMBERS 64

/* A text part; its content is in `content`. */
static int part(Cursor *in, Text *content) {
    Text key, type = {NULL, NULL, 0};
    content->at = NULL;
    if (!take(in, '{')) return 0;
    do {
        if (!string(in, &key) || !take(in, ':')) return 0;
        Text *into = is(key, "type") ? &type : is(key, "content") ? content : NULL;
        if (!into || into->at || !string(in, into)) return 0;
    } while (take(in, ','));
    return take(in, '}') && type.at && content->at && is(type, "text");
}

/* The parts of a message; `first` becomes the first that is not empty. */
static int parts(Cursor *in, Text *first) {
    Text content;
    if (!take(in, '[')) return 0;
    if (take(in, ']')) return 1;
    do {
        if (!part(in, &content)) return 0;
        if (!first->at && content.end > content.at) *first = content;
    } while (take(in, ','));
    return take(in, ']');
}

static int message(Cursor *in, Text *first, Text *reason) {
    Text key, role = {NULL, NULL, 0};
    int has_parts = 0;
    first->at = reason->at = NULL;
    if (!take(in, '{')) return 0;
    do {
        if (!string(in, &key) || !take(in, ':')) return 0;
        if (is(key, "role") && !role.at) {
            if (!string(in, &role)) return 0;
        } else if (is(key, "finish_reason") && !reason->at) {
            if (!string(in, reason) || reason->escaped) return 0;
        } else if (is(key, "parts") && !has_parts) {
            if (!parts(in, first)) return 0;
            has_parts = 1;
        } else {
            return 0;
        }
    } while (take(in, ','));
    return take(in, '}') && has_parts && role.at &&
           (is(role, "user") || is(role, "assistant") || is(role, "system") || is(role, "tool"));
}

static PyObject *plain_messages(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    Text first, shown = {NULL, NULL, 0}, found, reason = {NULL, NULL, 0};
    Py_ssize_t size;
    Cursor in;
    int number = 0, last;
    if (count != 2 || !PyUnicode_Check(given[0])) {
        PyErr_SetString(PyExc_TypeError, "expected a text and whether its last message is to be shown");
        return NULL;
    }
    last = given[1] == Py_True;
    in.at = PyUnicode_AsUTF8AndSize(given[0], &size);
    if (!in.at) return NULL;
    in.end = in.at + size;
    int plain = take(&in, '[');
    while (plain) {
        plain = message(&in, &first, &found) && !(found.at && reason.at);
        if (found.at) reason = found;
        if (last || !number++) shown = first;
        if (!plain || !take(&in, ',')) break;
    }
    plain = plain && take(&in, ']');
    blanks(&in);
    if (!plain || in.at != in.end || !shown.at) Py_RETURN_NONE;
    const char *end;
    int done = is_preview(shown, &end);
    PyObject *head = done ? PyUnicode_FromStringAndSize(shown.at, end - shown.at) : head_of(shown);
    PyObject *why = Py_None, *out = NULL;
    if (reason.at) why = PyUnicode_FromStringAndSize(reason.at, reason.end - reason.at);
    else Py_INCREF(why);
    if (head && why) out = PyTuple_Pack(3, head, why, done ? Py_True : Py_False);
    Py_XDECREF(head);
    Py_XDECREF(why);
    return out;
}

/* What of a value is shown: its compact JSON as orjson writes it. Without `at` nothing is to be shown. */
typedef struct {
    char *at, *end;
} Shown;

static void show(Shown *out, const char *at, const char *end) {
    size_t size = (size_t)(end - at), room = (size_t)(out->end - out->at);
    if (size > room) size = room;
    if (!size) return;
    memcpy(out->at, at, size);
    out->at += size;
}

static void mark(Shown *out, char c) { show(out, &c, &c + 1); }

static int full(const Shown *out) { return out->at == out->end; }

/* A number that every reader understands alike; if it is to be shown, one that is written as it was read. */
static int number(Cursor *in, Shown *out) {
    const char *start = in->at, *whole, *point = NULL;
    if (in->at < in->end && *in->at == '-') in->at++;
    whole = in->at;
    for (; in->at < in->end && ((*in->at >= '0' && *in->at <= '9') || (*in->at == '.' && !point)); in->at++)
        if (*in->at == '.') point = in->at;
    const char *end = in->at;
    if (in->at < in->end && strchr("eE+-.", *in->at)) return 0;
    if (end - whole > 15 || end == whole || point == whole || point == end - 1) return 0;
    if (*whole == '0' && end - whole > 1 && point != whole + 1) return 0;
    if (*start == '-' && *whole == '0') return 0;
    if (!full(out) && point) {
        if (end[-1] == '0' && point != end - 2) return 0;
        if (*whole == '0' && point[1] == '0') return 0;
    }
    show(out, start, end);
    return 1;
}

static int word(Cursor *in, const char *expected, Shown *out) {
    size_t size = strlen(expected);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, expected, size)) return 0;
    show(out, in->at, in->at + size);
    in->at += size;
    return 1;
}

static int shown_string(Cursor *in, Text *text, Shown *out) {
    if (!string(in, text)) return 0;
    if (text->escaped && !full(out))
        for (const char *at = text->at; at < text->end; at++)
            if (*at == '\\' && (*++at == 'u' || *at == '/')) return 0;
    show(out, text->at - 1, text->end + 1);
    return 1;
}

static int value(Cursor *in, int depth, Shown *out);

static int object(Cursor *in, int depth, Shown *out) {
    Text keys[MAX_MEMBERS];
    int count = 0;
    mark(out, '{');
    in->at++;
    if (take(in, '}')) return mark(out, '}'), 1;
    do {
        if (count == MAX_MEMBERS || !shown_string(in, &keys[count], out) || keys[count].escaped) return 0;
        for (int i = 0; i < count; i++)
            if (keys[i].end - keys[i].at == keys[count].end - keys[count].at &&
                !memcmp(keys[i].at, keys[count].at, (size_t)(keys[i].end - keys[i].at)))
                return 0;
        count++;
        if (!take(in, ':')) return 0;
        mark(out, ':');
        if (!value(in, depth + 1, out)) return 0;
        if (!take(in, ',')) break;
        mark(out, ',');
    } while (1);
    mark(out, '}');
    return take(in, '}');
}

static int list(Cursor *in, int depth, Shown *out) {
    mark(out, '[');
    in->at++;
    if (take(in, ']')) return mark(out, ']'), 1;
    do {
        if (!value(in, depth + 1, out)) return 0;
        if (!take(in, ',')) break;
        mark(out, ',');
    } while (1);
    mark(out, ']');
    return take(in, ']');
}

static int value(Cursor *in, int depth, Shown *out) {
    Text text;
    blanks(in);
    if (in->at >= in->end || depth > MAX_DEPTH) return 0;
    switch (*in->at) {
    case '{': return object(in, depth, out);
    case '[': return list(in, depth, out);
    case '"': return shown_string(in, &text, out);
    case 't': return word(in, "true", out);
    case 'f': return word(in, "false", out);
    case 'n': return word(in, "null", out);
    default: return number(in, out);
    }
}

/* A document with its keys in the order of the column; its content is in `content`. */
static int document(Cursor *in, Text *content) {
    static const char *const order[] = {"id", "score", "content"};
    Shown nothing = {NULL, NULL};
    Text key;
    int at = 0;
    if (!take(in, '{')) return 0;
    do {
        if (!string(in, &key) || !take(in, ':')) return 0;
        while (at < 3 && !is(key, order[at])) at++;
        if (at == 3) return 0;
        blanks(in);
        if (at == 2) return string(in, content) && take(in, '}');
        if (in->at < in->end && *in->at == 'n') return 0;
        if (!value(in, 0, &nothing)) return 0;
        at++;
    } while (take(in, ','));
    return 0;
}

static PyObject *plain_documents(PyObject *module, PyObject *given) {
    Text first = {NULL, NULL, 0}, content;
    Cursor in;
    if (!text_given(given, &in)) return NULL;
    if (!take(&in, '[')) Py_RETURN_NONE;
    do {
        if (!document(&in, &content)) Py_RETURN_NONE;
        if (!first.at) first = content;
    } while (take(&in, ','));
    if (!take(&in, ']')) Py_RETURN_NONE;
    blanks(&in);
    if (in.at != in.end || first.end == first.at) Py_RETURN_NONE;
    return beginning(first);
}

static PyObject *compact(PyObject *module, PyObject *given) {
    char room[HEAD_BYTES];
    Shown out = {room, room + HEAD_BYTES};
    Cursor in;
    if (!text_given(given, &in)) return NULL;
    if (in.at == in.end || (*in.at != '{' && *in.at != '[') || !value(&in, 0, &out)) Py_RETURN_NONE;
    blanks(&in);
    if (in.at != in.end) Py_RETURN_NONE;
    /* Escapes are shown as they are written. */
    Text text = {room, out.at, 0};
    return beginning(text);
}

static PyMethodDef methods[] = {
    {"plain_messages", (PyCFunction)(void (*)(void))plain_messages, METH_FASTCALL, "See the package."},
    {"plain_documents", plain_documents, METH_O, "See the package."},
    {"compact", compact, METH_O, "See the package."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_contents", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__contents(void) { return PyModule_Create(&definition); }
