/* Which of a request's spans are new: what seen.py does for one key, for all of them.
 *
 * A table is a power of two of 64-bit slots, by open addressing with linear probing, and never full. Both tables belong
 * to the caller, who holds a lock.
 */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define FREE 0
#define RESERVED 2

typedef struct {
    uint64_t *slots;
    uint64_t mask;
} Table;

static uint64_t *find(Table table, uint64_t value) {
    uint64_t at = value & table.mask;
    while (table.slots[at] != value && table.slots[at] != FREE) at = (at + 1) & table.mask;
    return table.slots + at;
}

static int append_number(PyObject *list, Py_ssize_t number) {
    PyObject *object = PyLong_FromSsize_t(number);
    int failed = object == NULL || PyList_Append(list, object);
    Py_XDECREF(object);
    return failed;
}

/* Keys from `begin` on, until `room` of them were added; (the next key, how many were added), or (-1, ...) on an error. */
static Py_ssize_t sort_keys(Table young, Table old, PyObject *keys, Py_ssize_t begin, Py_ssize_t room, PyObject *fresh,
                            PyObject *skip, Py_ssize_t *added) {
    Py_ssize_t count = PyList_Size(keys), at = begin;
    for (; at < count && *added < room; at++) {
        PyObject *key = PyList_GetItem(keys, at);
        if (key == NULL) return -1;
        if (key == Py_None) {
            if (append_number(skip, at)) return -1;
            continue;
        }
        int64_t number = PyLong_AsLongLong(key);
        if (number == -1 && PyErr_Occurred()) return -1;
        uint64_t value = ~(uint64_t)number;
        if (value < RESERVED) value += RESERVED;
        uint64_t *slot = find(young, value);
        if (*slot == value || *find(old, value) == value) {
            if (append_number(skip, at)) return -1;
            continue;
        }
        if (PyList_Append(fresh, key)) return -1;
        *slot = value;
        *added += 1;
    }
    return at;
}

static int table_of(Py_buffer *view, Table *table) {
    uint64_t slots = (uint64_t)view->len / 8;
    if (slots == 0 || (slots & (slots - 1))) {
        PyErr_SetString(PyExc_ValueError, "a table has a power of two of slots");
        return -1;
    }
    table->slots = view->buf;
    table->mask = slots - 1;
    return 0;
}

static PyObject *sort_out(PyObject *module, PyObject *args) {
    Py_buffer young, old;
    PyObject *keys, *fresh, *skip, *result = NULL;
    Py_ssize_t begin, room, added = 0;
    if (!PyArg_ParseTuple(args, "w*w*OnnOO", &young, &old, &keys, &begin, &room, &fresh, &skip)) return NULL;
    Table tables[2];
    if (!table_of(&young, &tables[0]) && !table_of(&old, &tables[1])) {
        Py_ssize_t end = sort_keys(tables[0], tables[1], keys, begin, room, fresh, skip, &added);
        if (end >= 0) result = Py_BuildValue("(nn)", end, added);
    }
    PyBuffer_Release(&young);
    PyBuffer_Release(&old);
    return result;
}

static PyMethodDef methods[] = {
    {"sort_out", sort_out, METH_VARARGS,
     "(young, old, keys, begin, room, fresh, skip) -> (next key, how many were added to young); see seen.py."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_seen", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__seen(void) { return PyModule_Create(&definition); }
