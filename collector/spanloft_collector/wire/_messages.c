/* Chat messages in the plain form of the conventions, recognised in their JSON text without making Python objects.
 *
 * Plain is [{"role": R, "parts": [{"type": "text", "content": "..."}, ...], "finish_reason": "..."}, ...] with the keys
 * in any order and none twice. Nearly all chat text is of this form, and all that the store needs of it is its first
 * characters. Whatever else the text is, even no JSON at all, the answer is None and Python reads it.
 * A test holds both ways equal. Source: RFC 8259; semantic-conventions-genai, gen_ai.input.messages.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* A preview has 200 characters and is looked for in 800; of UTF-8 at most 4 bytes each. */
#define HEAD_CHARACTERS 800
#define HEAD_BYTES (4 * HEAD_CHARACTERS + 8)

typedef struct {
    const char *at, *end; /* without the quotes, escapes as they stand */
    int escaped;
} Text;

typedef struct {
    const char *at, *end;
} Cursor;

static void blanks(Cursor *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r')) in->at++;
}

/* Whether the next character that is no blank is `wanted`; it is passed over. */
static int take(Cursor *in, char wanted) {
    blanks(in);
    if (in->at >= in->end || *in->at != wanted) return 0;
    in->at++;
    return 1;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Code point of the four digits at `at`; -1 for anything else, and for surrogates, which are left to Python. */
static int code_point(const char *at, const char *end) {
    int value = 0;
    if (end - at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value >= 0xD800 && value < 0xE000 ? -1 : value;
}

/* Whether any of eight bytes is a quote, a backslash or a control character. */
static int special(const char *at) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t bytes, quote, slash;
    memcpy(&bytes, at, 8);
    quote = bytes ^ ones * '"';
    slash = bytes ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((bytes - ones * 0x20) & ~bytes)) & high ? 1 : 0;
}

static int string(Cursor *in, Text *out) {
    if (!take(in, '"')) return 0;
    out->at = in->at;
    out->escaped = 0;
    for (;;) {
        while (in->end - in->at >= 8 && !special(in->at)) in->at += 8;
        if (in->at >= in->end || (unsigned char)*in->at < 0x20) return 0;
        char c = *in->at++;
        if (c == '"') break;
        if (c != '\\') continue;
        out->escaped = 1;
        if (in->at >= in->end) return 0;
        c = *in->at++;
        if (c == 'u') {
            if (code_point(in->at, in->end) < 0) return 0;
            in->at += 4;
        } else if (!strchr("\"\\/bfnrt", c) || !c) {
            return 0;
        }
    }
    out->end = in->at - 1;
    return 1;
}

static int is(Text text, const char *word) {
    size_t size = strlen(word);
    return !text.escaped && (size_t)(text.end - text.at) == size && !memcmp(text.at, word, size);
}

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

static PyObject *unescaped(Text text) {
    char out[HEAD_BYTES];
    char *to = out;
    for (const char *at = text.at; at < text.end && to - out < HEAD_BYTES - 8;) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        char c = at[1];
        static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
        const char *named = strchr(names, c);
        if (c != 'u') {
            *to++ = named ? values[named - names] : c;
            at += 2;
            continue;
        }
        int code = code_point(at + 2, text.end);
        if (code < 0x80) {
            *to++ = (char)code;
        } else if (code < 0x800) {
            *to++ = (char)(0xC0 | code >> 6);
            *to++ = (char)(0x80 | (code & 63));
        } else {
            *to++ = (char)(0xE0 | code >> 12);
            *to++ = (char)(0x80 | (code >> 6 & 63));
            *to++ = (char)(0x80 | (code & 63));
        }
        at += 6;
    }
    return PyUnicode_DecodeUTF8(out, to - out, "ignore");
}

/* The first characters; a character that the cut goes through is left out. */
static PyObject *head_of(Text text) {
    if (text.escaped) return unescaped(text);
    Py_ssize_t size = text.end - text.at;
    return PyUnicode_DecodeUTF8(text.at, size < HEAD_BYTES ? size : HEAD_BYTES, "ignore");
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
    PyObject *head = head_of(shown), *why = Py_None, *out = NULL;
    if (reason.at) why = PyUnicode_FromStringAndSize(reason.at, reason.end - reason.at);
    else Py_INCREF(why);
    if (head && why) out = PyTuple_Pack(2, head, why);
    Py_XDECREF(head);
    Py_XDECREF(why);
    return out;
}

static PyMethodDef methods[] = {
    {"plain_messages", (PyCFunction)(void (*)(void))plain_messages, METH_FASTCALL, "See the package."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_messages", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__messages(void) { return PyModule_Create(&definition); }
