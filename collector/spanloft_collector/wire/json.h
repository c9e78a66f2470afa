/* JSON text read in place: strings, and the first characters of one as a preview shows them. Source: RFC 8259. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A preview has 200 characters (model.PREVIEW_CHARS) and is looked for in 800; of UTF-8 at most 4 bytes each. */
#define PREVIEW_CHARACTERS 200
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

#ifdef __SSE2__
#define STEP 16
/* Whether any of sixteen bytes is a quote, a backslash or a control character. */
static int special(const char *at) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)at);
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return _mm_movemask_epi8(_mm_or_si128(ends, controls)) != 0;
}
#else
#define STEP 8
/* Whether any of eight bytes is one of these. */
static int special(const char *at) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t bytes, quote, slash;
    memcpy(&bytes, at, 8);
    quote = bytes ^ ones * '"';
    slash = bytes ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((bytes - ones * 0x20) & ~bytes)) & high ? 1 : 0;
}
#endif

static int string(Cursor *in, Text *out) {
    if (!take(in, '"')) return 0;
    out->at = in->at;
    out->escaped = 0;
    for (;;) {
        while (in->end - in->at >= STEP && !special(in->at)) in->at += STEP;
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

/* Whether the first characters are a preview as they stand: ASCII that can be shown, no blank before or after another.
 * The preview ends at `*end`, before a blank that the cut left at its end. */
static int is_preview(Text text, const char **end) {
    *end = text.end - text.at > PREVIEW_CHARACTERS ? text.at + PREVIEW_CHARACTERS : text.end;
    if (text.escaped || *text.at == ' ') return 0;
    for (const char *at = text.at; at < *end; at++)
        if (*at < ' ' || *at > '~' || (*at == ' ' && at + 1 < *end && at[1] == ' ')) return 0;
    if ((*end)[-1] == ' ') --*end;
    return 1;
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

/* (beginning, whether it is the preview) */
static PyObject *beginning(Text text) {
    const char *end;
    int done = is_preview(text, &end);
    PyObject *head = done ? PyUnicode_FromStringAndSize(text.at, end - text.at) : head_of(text), *out = NULL;
    if (head) out = PyTuple_Pack(2, head, done ? Py_True : Py_False);
    Py_XDECREF(head);
    return out;
}

static int text_given(PyObject *given, Cursor *in) {
    Py_ssize_t size;
    in->at = PyUnicode_AsUTF8AndSize(given, &size);
    if (in->at) in->end = in->at + size;
    return in->at != NULL;
}
