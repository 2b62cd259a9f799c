/* The innermost loops, compiled: finding words, averaging rows, counting overlaps, running the recurrence.

   NumPy needs several passes over small arrays for each of them, and the interpreter makes every call. Each function
   here has a twin in Python, which is used where this file is not compiled; tests compare the two. What the arguments
   are is in compiled.py.

   All arguments are contiguous buffers that the caller has allocated, outputs last. Their lengths are checked against
   each other, and indices against the lengths, so that no call can read or write outside of them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LENGTH(buffer, type) ((buffer).len / (Py_ssize_t)sizeof(type))

static void release(Py_buffer *buffers, int count) {
    for (int i = 0; i < count; i++) PyBuffer_Release(&buffers[i]);
}

static PyObject *done(Py_buffer *buffers, int count) {
    release(buffers, count);
    Py_RETURN_NONE;
}

static PyObject *refused(Py_buffer *buffers, int count) {
    release(buffers, count);
    PyErr_SetString(PyExc_ValueError, "the arrays do not belong together");
    return NULL;
}

static PyObject *out_of_memory(Py_buffer *buffers, int count) {
    release(buffers, count);
    return PyErr_NoMemory();
}

/* ---- words.py ---- */

enum { OTHER = 1, LETTER, MARK }; /* kinds of characters; SPACE is 0 */

static PyObject *find_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { CODES, KINDS, VALUES, EDGES, HASHES, STARTS, ENDS, COUNTS, OTHERS, ALL };
    Py_buffer b[ALL];
    unsigned long long base;
    if (!PyArg_ParseTuple(arguments, "Ky*y*y*y*w*w*w*w*w*", &base, &b[CODES], &b[KINDS], &b[VALUES], &b[EDGES],
                          &b[HASHES], &b[STARTS], &b[ENDS], &b[COUNTS], &b[OTHERS]))
        return NULL;
    const uint32_t *codes = b[CODES].buf;
    const uint8_t *kinds = b[KINDS].buf;
    const uint64_t *values = b[VALUES].buf;
    const int64_t *edges = b[EDGES].buf;
    uint64_t *hashes = b[HASHES].buf;
    int64_t *starts = b[STARTS].buf, *ends = b[ENDS].buf, *counts = b[COUNTS].buf;
    uint8_t *others = b[OTHERS].buf;
    const Py_ssize_t length = LENGTH(b[CODES], uint32_t), sentences = LENGTH(b[COUNTS], int64_t);
    const Py_ssize_t known = LENGTH(b[KINDS], uint8_t);
    if (known == 0 || LENGTH(b[VALUES], uint64_t) != known || LENGTH(b[EDGES], int64_t) != sentences + 1 ||
        LENGTH(b[HASHES], uint64_t) < length || LENGTH(b[STARTS], int64_t) < length ||
        LENGTH(b[ENDS], int64_t) < length || LENGTH(b[OTHERS], uint8_t) != sentences)
        return refused(b, ALL);
#define KIND_AT(place) kinds[code = codes[place] < known ? codes[place] : known - 1]
    Py_ssize_t words = 0, code;
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++) {
        if (edges[sentence] < 0 || edges[sentence + 1] > length) return refused(b, ALL);
        const Py_ssize_t before = words, end = edges[sentence + 1];
        others[sentence] = 0;
        for (Py_ssize_t i = edges[sentence]; i < end;) {
            const uint8_t kind = KIND_AT(i);
            if (kind < LETTER) {
                others[sentence] |= kind == OTHER;
                i++;
                continue;
            }
            uint64_t power = base, hash = values[code] * power;
            starts[words] = i++;
            while (kind == LETTER && i < end && KIND_AT(i) == LETTER) {
                hash += values[code] * (power *= base);
                i++;
            }
            ends[words] = i;
            hashes[words++] = hash;
        }
        counts[sentence] = words - before;
    }
#undef KIND_AT
    release(b, ALL);
    return PyLong_FromSsize_t(words);
}

/* Where the search for a hash begins; those after it follow. SLOTS is a power of two. */
static inline size_t first_slot(uint64_t hash, size_t slots) {
    return (size_t)(hash >> 40 ^ hash >> 20) & (slots - 1);
}

static PyObject *index_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { HASHES, SLOTS, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*w*", &b[HASHES], &b[SLOTS])) return NULL;
    const uint64_t *hashes = b[HASHES].buf;
    int32_t *slots = b[SLOTS].buf;
    const size_t size = (size_t)LENGTH(b[SLOTS], int32_t), count = (size_t)LENGTH(b[HASHES], uint64_t);
    if (size == 0 || (size & (size - 1)) != 0 || count > size / 2 || count > INT32_MAX) return refused(b, ALL);
    for (size_t slot = 0; slot < size; slot++) slots[slot] = -1;
    for (size_t i = 0; i < count; i++) {
        size_t slot = first_slot(hashes[i], size);
        while (slots[slot] >= 0 && hashes[slots[slot]] != hashes[i]) slot = (slot + 1) & (size - 1);
        if (slots[slot] < 0) slots[slot] = (int32_t)i;
    }
    return done(b, ALL);
}

typedef struct {
    const uint64_t *hashes;
    const int32_t *slots;
    size_t size;
    int64_t listed;
} Table;

static int is_table(const Py_buffer *hashes, const Py_buffer *slots, Table *table) {
    *table = (Table){hashes->buf, slots->buf, (size_t)LENGTH(*slots, int32_t), LENGTH(*hashes, uint64_t)};
    return table->size != 0 && (table->size & (table->size - 1)) == 0;
}

/* The index of a hash; that after the last one if it is not listed. */
static inline int64_t index_of(const Table *table, uint64_t hash) {
    size_t slot = first_slot(hash, table->size);
    for (size_t tried = 0; tried < table->size; tried++, slot = (slot + 1) & (table->size - 1)) {
        const int32_t index = table->slots[slot];
        if (index < 0 || index >= table->listed) break;
        if (table->hashes[index] == hash) return index;
    }
    return table->listed;
}

static PyObject *look_up(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { HASHES, SLOTS, WORDS, FOUND, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*y*y*w*", &b[HASHES], &b[SLOTS], &b[WORDS], &b[FOUND])) return NULL;
    const uint64_t *words = b[WORDS].buf;
    int64_t *found = b[FOUND].buf;
    const Py_ssize_t count = LENGTH(b[WORDS], uint64_t);
    Table table;
    if (!is_table(&b[HASHES], &b[SLOTS], &table) || LENGTH(b[FOUND], int64_t) != count) return refused(b, ALL);
    for (Py_ssize_t i = 0; i < count; i++) found[i] = index_of(&table, words[i]);
    return done(b, ALL);
}

/* ---- token_ids.py ---- */

enum { MOST_LETTERS = 1024 }; /* of a word that is cut into pieces */

/* Cuts a word into the longest pieces that are listed, from its beginning on. Returns their number; 0 if a rest of the
   word does not begin with any. */
static Py_ssize_t cut(const uint64_t *values, Py_ssize_t letters, uint64_t base, const Table *beginnings,
                      const Table *continuations, int64_t *pieces) {
    uint64_t hashes[MOST_LETTERS];
    Py_ssize_t count = 0;
    for (Py_ssize_t start = 0, end; start < letters; start = end) {
        const Table *const table = start == 0 ? beginnings : continuations;
        uint64_t power = 1, hash = 0;
        for (Py_ssize_t i = start; i < letters; i++) hashes[i] = hash += values[i] * (power *= base);
        int64_t index = table->listed;
        for (end = letters; end > start && index == table->listed; end--) index = index_of(table, hashes[end - 1]);
        if (index == table->listed) return 0;
        end++;
        pieces[count++] = index;
    }
    return count;
}

static PyObject *cut_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { CODES, VALUES, STARTS, ENDS, WORDS, SLOTS, PARTS, PART_SLOTS, WORD_IDS, PART_IDS, IDS, COUNTS, ALL };
    Py_buffer b[ALL];
    unsigned long long base;
    Py_ssize_t longest;
    long long unknown;
    if (!PyArg_ParseTuple(arguments, "KnLy*y*y*y*y*y*y*y*y*y*w*w*", &base, &longest, &unknown, &b[CODES], &b[VALUES],
                          &b[STARTS], &b[ENDS], &b[WORDS], &b[SLOTS], &b[PARTS], &b[PART_SLOTS], &b[WORD_IDS],
                          &b[PART_IDS], &b[IDS], &b[COUNTS]))
        return NULL;
    const uint32_t *codes = b[CODES].buf;
    const uint64_t *all_values = b[VALUES].buf;
    const int64_t *starts = b[STARTS].buf, *ends = b[ENDS].buf;
    const int64_t *word_ids = b[WORD_IDS].buf, *part_ids = b[PART_IDS].buf;
    int64_t *ids = b[IDS].buf, *counts = b[COUNTS].buf;
    const Py_ssize_t length = LENGTH(b[CODES], uint32_t), known = LENGTH(b[VALUES], uint64_t);
    const Py_ssize_t count = LENGTH(b[STARTS], int64_t);
    Table words, parts;
    if (!is_table(&b[WORDS], &b[SLOTS], &words) || !is_table(&b[PARTS], &b[PART_SLOTS], &parts) || known == 0 ||
        LENGTH(b[ENDS], int64_t) != count || LENGTH(b[COUNTS], int64_t) != count ||
        LENGTH(b[WORD_IDS], int64_t) != words.listed || LENGTH(b[PART_IDS], int64_t) != parts.listed ||
        LENGTH(b[IDS], int64_t) < length)
        return refused(b, ALL);
    uint64_t values[MOST_LETTERS];
    Py_ssize_t total = 0, used = 0; /* ids; characters of the words so far, which are at least as many */
    for (Py_ssize_t i = 0; i < count; i++) {
        const Py_ssize_t letters = ends[i] - starts[i];
        if (starts[i] < 0 || letters < 1 || ends[i] > length || (used += letters) > length) return refused(b, ALL);
        Py_ssize_t pieces = 0;
        if (letters <= longest && letters <= MOST_LETTERS) {
            for (Py_ssize_t j = 0; j < letters; j++) {
                const uint32_t code = codes[starts[i] + j];
                values[j] = all_values[code < known ? code : known - 1];
            }
            pieces = cut(values, letters, base, &words, &parts, ids + total);
            for (Py_ssize_t piece = 0; piece < pieces; piece++)
                ids[total + piece] = (piece == 0 ? word_ids : part_ids)[ids[total + piece]];
        }
        if (pieces == 0) ids[total + pieces++] = unknown;
        total += counts[i] = pieces;
    }
    release(b, ALL);
    return PyLong_FromSsize_t(total);
}

/* ---- encoder.py ---- */

enum { AHEAD = 2, CACHE_LINE = 16 }; /* rows that are fetched before they are needed; floats of a cache line */

static PyObject *mean_rows(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { TABLE, ROWS, COUNTS, MEANS, ALL };
    Py_buffer b[ALL];
    Py_ssize_t width;
    if (!PyArg_ParseTuple(arguments, "ny*y*y*w*", &width, &b[TABLE], &b[ROWS], &b[COUNTS], &b[MEANS])) return NULL;
    const float *table = b[TABLE].buf;
    const int64_t *rows = b[ROWS].buf, *counts = b[COUNTS].buf;
    float *means = b[MEANS].buf;
    const Py_ssize_t sentences = LENGTH(b[COUNTS], int64_t), total = LENGTH(b[ROWS], int64_t);
    if (width < 1 || LENGTH(b[MEANS], float) != sentences * width) return refused(b, ALL);
    const Py_ssize_t listed = LENGTH(b[TABLE], float) / width;
    for (Py_ssize_t i = 0; i < total; i++)
        if (rows[i] < 0 || rows[i] >= listed) return refused(b, ALL);
    Py_ssize_t i = 0;
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++) {
        if (counts[sentence] < 0 || counts[sentence] > total - i) return refused(b, ALL);
        float *restrict mean = means + sentence * width;
        memset(mean, 0, (size_t)width * sizeof(float));
        for (const Py_ssize_t end = i + counts[sentence]; i < end; i++) {
            const float *restrict row = table + rows[i] * width;
#if defined(__GNUC__)
            if (i + AHEAD < total)
                for (Py_ssize_t j = 0; j < width; j += CACHE_LINE)
                    __builtin_prefetch(table + rows[i + AHEAD] * width + j);
#endif
            for (Py_ssize_t j = 0; j < width; j++) mean[j] += row[j];
        }
        const float divisor = counts[sentence] > 0 ? (float)counts[sentence] : 1;
        for (Py_ssize_t j = 0; j < width; j++) mean[j] /= divisor;
    }
    return done(b, ALL);
}

/* ---- text_features.py ---- */

typedef struct {
    uint64_t hash;
    int64_t sentence;
} Word;

/* By hash; words of one hash stay in their order. */
static void radix_sort(Word *words, Word *spare, Py_ssize_t count) {
    for (int shift = 0; shift < 64; shift += 8) {
        Py_ssize_t places[257] = {0};
        for (Py_ssize_t i = 0; i < count; i++) places[(words[i].hash >> shift & 255) + 1]++;
        for (int digit = 0; digit < 256; digit++) places[digit + 1] += places[digit];
        for (Py_ssize_t i = 0; i < count; i++) spare[places[words[i].hash >> shift & 255]++] = words[i];
        Word *const swap = words;
        words = spare;
        spare = swap;
    }
}

static PyObject *count_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { WORDS, COUNTS, HASHES, SENTENCES, INDICES, REPEATS, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*y*w*w*w*w*", &b[WORDS], &b[COUNTS], &b[HASHES], &b[SENTENCES], &b[INDICES],
                          &b[REPEATS]))
        return NULL;
    const uint64_t *given = b[WORDS].buf;
    const int64_t *counts = b[COUNTS].buf;
    uint64_t *hashes = b[HASHES].buf;
    int64_t *sentences = b[SENTENCES].buf, *indices = b[INDICES].buf, *repeats = b[REPEATS].buf;
    const Py_ssize_t total = LENGTH(b[WORDS], uint64_t), sentence_count = LENGTH(b[COUNTS], int64_t);
    if (LENGTH(b[HASHES], uint64_t) < total || LENGTH(b[SENTENCES], int64_t) < total ||
        LENGTH(b[INDICES], int64_t) < total || LENGTH(b[REPEATS], int64_t) < total)
        return refused(b, ALL);
    Py_ssize_t left = total;
    for (Py_ssize_t sentence = 0; sentence < sentence_count; sentence++) {
        if (counts[sentence] < 0 || counts[sentence] > left) return refused(b, ALL);
        left -= counts[sentence];
    }
    if (left != 0) return refused(b, ALL);
    Word *const words = PyMem_Malloc(((size_t)total + 1) * 2 * sizeof(Word));
    if (words == NULL) return out_of_memory(b, ALL);
    for (Py_ssize_t i = 0, sentence = 0; sentence < sentence_count; sentence++)
        for (const Py_ssize_t end = i + counts[sentence]; i < end; i++) words[i] = (Word){given[i], sentence};
    radix_sort(words, words + total, total);
    Py_ssize_t distinct = 0, entries = 0;
    for (Py_ssize_t i = 0; i < total; i++) {
        const int is_new_word = i == 0 || words[i].hash != words[i - 1].hash;
        if (is_new_word) hashes[distinct++] = words[i].hash;
        if (is_new_word || words[i].sentence != words[i - 1].sentence) {
            sentences[entries] = words[i].sentence;
            indices[entries] = distinct - 1;
            repeats[entries++] = 0;
        }
        repeats[entries - 1]++;
    }
    PyMem_Free(words);
    release(b, ALL);
    return Py_BuildValue("nn", distinct, entries);
}

static PyObject *overlaps(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { SENTENCES, INDICES, WEIGHTS, TOTALS, LENGTHS, SUMS, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*y*w*w*w*w*", &b[SENTENCES], &b[INDICES], &b[WEIGHTS], &b[TOTALS], &b[LENGTHS],
                          &b[SUMS]))
        return NULL;
    const int64_t *sentences = b[SENTENCES].buf, *indices = b[INDICES].buf;
    double *weights = b[WEIGHTS].buf, *totals = b[TOTALS].buf, *lengths = b[LENGTHS].buf;
    double(*sums)[3] = b[SUMS].buf;
    const Py_ssize_t entries = LENGTH(b[SENTENCES], int64_t), distinct = LENGTH(b[TOTALS], double);
    const Py_ssize_t count = LENGTH(b[LENGTHS], double);
    if (LENGTH(b[INDICES], int64_t) != entries || LENGTH(b[WEIGHTS], double) != entries ||
        LENGTH(b[SUMS], double) != 3 * count)
        return refused(b, ALL);
    for (Py_ssize_t i = 0; i < entries; i++)
        if (sentences[i] < 0 || sentences[i] >= count || indices[i] < 0 || indices[i] >= distinct)
            return refused(b, ALL);
    memset(totals, 0, (size_t)b[TOTALS].len);
    memset(lengths, 0, (size_t)b[LENGTHS].len);
    memset(sums, 0, (size_t)b[SUMS].len);
    for (Py_ssize_t i = 0; i < entries; i++) lengths[sentences[i]] += weights[i] * weights[i];
    for (Py_ssize_t i = 0; i < count; i++) lengths[i] = sqrt(lengths[i]);
    for (Py_ssize_t i = 0; i < entries; i++) {
        weights[i] /= lengths[sentences[i]] > 0 ? lengths[sentences[i]] : 1;
        sums[sentences[i]][1] += weights[i] * totals[indices[i]]; /* so far, those of the sentences before */
        totals[indices[i]] += weights[i];
    }
    for (Py_ssize_t i = 0; i < entries; i++) sums[sentences[i]][2] += weights[i] * totals[indices[i]];
    double whole = 0;
    for (Py_ssize_t i = 0; i < distinct; i++) whole += totals[i] * totals[i];
    whole = whole > 0 ? sqrt(whole) : 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        sums[i][0] = sums[i][2] - sums[i][1] - (lengths[i] > 0); /* the product with itself is 1 */
        sums[i][2] /= whole;
        for (int column = 0; column < 3; column++) sums[i][column] = rint(sums[i][column] * 1e9) / 1e9;
    }
    return done(b, ALL);
}

/* ---- model.py ---- */

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { BLOCK = 32 }; /* sums that fit into the registers */

/* What the state contributes to each unit of a gate, added to what the input does. */
INLINE void add_product(const float *state, const float *weights, const float *inputs, float *gate, Py_ssize_t width) {
    Py_ssize_t j = 0;
#if defined(__GNUC__)
    typedef float Vector __attribute__((vector_size(16), aligned(4))); /* as wide as every processor has */
    enum { LANES = 4, VECTORS = BLOCK / LANES };
    for (; j + BLOCK <= width; j += BLOCK) {
        const float *row = weights + j;
        Vector sums[VECTORS];
        for (int v = 0; v < VECTORS; v++) sums[v] = *(const Vector *)(inputs + j + v * LANES);
        for (Py_ssize_t k = 0; k < width; k++, row += width)
            for (int v = 0; v < VECTORS; v++) sums[v] += state[k] * *(const Vector *)(row + v * LANES);
        for (int v = 0; v < VECTORS; v++) *(Vector *)(gate + j + v * LANES) = sums[v];
    }
#endif
    for (; j < width; j++) {
        float sum = inputs[j];
        for (Py_ssize_t k = 0; k < width; k++) sum += state[k] * weights[k * width + j];
        gate[j] = sum;
    }
}

/* tanh(x) = 1 - 2 / (exp(2 x) + 1), to within 3e-7. The exponential is a power of two, which is put together from its
   bits, times the Taylor polynomial of the rest of the exponent, which is at most 1/2 in size before the factor. */
INLINE float tangent(float x) {
    x = x > 9 ? 9 : x < -9 ? -9 : x;
    const float power = x * 2.8853900817779268f; /* 2 / log(2) */
    const float shifted = power + 12582912;      /* 3 * 2**22, at which the spacing of floats is 1 */
    const float rest = (power - (shifted - 12582912)) * 0.6931471805599453f;
    float exponential =
        1 + rest * (1 + rest * (1.f / 2 + rest * (1.f / 6 + rest * (1.f / 24 + rest * (1.f / 120 + rest / 720)))));
    uint32_t bits, exponent;
    memcpy(&bits, &exponential, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&exponential, &bits, sizeof bits);
    return 1 - 2 / (exponential + 1);
}

INLINE float sigmoid_of_half(float x) { return tangent(x) * 0.5f + 0.5f; }

/* Recurrences one after the other, so that the weights of each stay in the cache. Memory: six rows of zeros. */
INLINE void run_cells(const float *projections, const float *weights, float *states, float *memory, Py_ssize_t steps,
                      Py_ssize_t cells, Py_ssize_t width) {
    const float *const zeros = memory;
    float *restrict cell = memory + width, *restrict gates = memory + 2 * width;
    for (Py_ssize_t c = 0; c < cells; c++) {
        const float *state = zeros;
        memset(cell, 0, (size_t)width * sizeof(float));
        for (Py_ssize_t t = 0; t < steps; t++) {
            for (Py_ssize_t gate = 0; gate < 4; gate++)
                add_product(state, weights + (gate * cells + c) * width * width,
                            projections + ((t * 4 + gate) * cells + c) * width, gates + gate * width, width);
            float *restrict next = states + (t * cells + c) * width;
            for (Py_ssize_t j = 0; j < width; j++) {
                const float input = sigmoid_of_half(gates[j]), forget = sigmoid_of_half(gates[width + j]);
                const float output = sigmoid_of_half(gates[2 * width + j]);
                cell[j] = input * tangent(gates[3 * width + j]) + forget * cell[j];
                next[j] = output * tangent(cell[j]);
            }
            state = next;
        }
    }
}

typedef void Runner(const float *, const float *, float *, float *, Py_ssize_t, Py_ssize_t, Py_ssize_t);

static void run_anywhere(const float *projections, const float *weights, float *states, float *memory, Py_ssize_t steps,
                         Py_ssize_t cells, Py_ssize_t width) {
    run_cells(projections, weights, states, memory, steps, cells, width);
}

#if defined(__GNUC__) && defined(__x86_64__)
/* Nearly every processor since 2013 has these instructions, but a binary for all may use them only if asked. */
__attribute__((target("avx2,fma"))) static void run_with_avx2(const float *projections, const float *weights,
                                                              float *states, float *memory, Py_ssize_t steps,
                                                              Py_ssize_t cells, Py_ssize_t width) {
    run_cells(projections, weights, states, memory, steps, cells, width);
}

static Runner *runner(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? run_with_avx2 : run_anywhere;
}
#else
static Runner *runner(void) { return run_anywhere; }
#endif

static PyObject *lstm(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { PROJECTIONS, WEIGHTS, STATES, ALL };
    Py_buffer b[ALL];
    Py_ssize_t cells, width;
    if (!PyArg_ParseTuple(arguments, "nny*y*w*", &cells, &width, &b[PROJECTIONS], &b[WEIGHTS], &b[STATES])) return NULL;
    const Py_ssize_t weights = LENGTH(b[WEIGHTS], float), numbers = LENGTH(b[STATES], float);
    if (cells < 1 || width < 1 || width > weights || cells > weights || weights != 4 * cells * width * width ||
        numbers % (cells * width) != 0 || LENGTH(b[PROJECTIONS], float) != 4 * numbers)
        return refused(b, ALL);
    float *const memory = PyMem_Calloc((size_t)width * 6, sizeof(float));
    if (memory == NULL) return out_of_memory(b, ALL);
    Py_BEGIN_ALLOW_THREADS;
    runner()(b[PROJECTIONS].buf, b[WEIGHTS].buf, b[STATES].buf, memory, numbers / (cells * width), cells, width);
    Py_END_ALLOW_THREADS;
    PyMem_Free(memory);
    return done(b, ALL);
}

static PyMethodDef methods[] = {
    {"find_words", find_words, METH_VARARGS, NULL},   {"index_words", index_words, METH_VARARGS, NULL},
    {"look_up", look_up, METH_VARARGS, NULL},         {"mean_rows", mean_rows, METH_VARARGS, NULL},
    {"count_words", count_words, METH_VARARGS, NULL}, {"overlaps", overlaps, METH_VARARGS, NULL},
    {"cut_words", cut_words, METH_VARARGS, NULL},     {"lstm", lstm, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
