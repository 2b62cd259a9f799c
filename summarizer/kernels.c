/* The innermost loops, compiled: finding words, averaging rows, counting overlaps and capitals, normalizing, a whole
   recurrent layer, and what surrounds a product of bytes.

   NumPy needs several passes over small arrays for each of them, and the interpreter makes every call. Each function
   here has a twin in Python, which is used where this file is not compiled; tests compare the two. What the arguments
   are is in compiled.py.

   All arguments are contiguous buffers that the caller has allocated, outputs last. Their lengths are checked against
   each other, indices against the lengths, and outputs may not share memory with anything, so that no call can read or
   write outside of them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Raised with every change of what arguments mean; the same number is in compiled.py. */
#define VERSION 4

#if FLT_EVAL_METHOD != 0
#error "floats must be computed as floats; without this module the same is done in NumPy"
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* Nearly all processors since 2013 have AVX2, many have AVX-512, but they have to be asked. */
enum { ANYWHERE, WITH_AVX2, WITH_AVX512 };
#if defined(__GNUC__) && defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx2,fma")))
static int widest(int asked) {
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f");
    return asked >= WITH_AVX512 && has_avx512 ? WITH_AVX512 : asked >= WITH_AVX2 && has_avx2 ? WITH_AVX2 : ANYWHERE;
}
#else
#define AVX2
#define AVX512
static int widest(int Py_UNUSED(asked)) { return ANYWHERE; }
#endif

enum { CACHE_LINE = 16 }; /* floats of it */

#define LENGTH(buffer, type) ((buffer).len / (Py_ssize_t)sizeof(type))

static void release(Py_buffer *buffers, int count) {
    for (int i = 0; i < count; i++) PyBuffer_Release(&buffers[i]);
}

/* Whether one of the last buffers, which are written to, shares memory with another one. */
static int overlap(const Py_buffer *buffers, int count, int outputs) {
    for (int i = count - outputs; i < count; i++)
        for (int j = 0; j < count; j++) {
            const uintptr_t first = (uintptr_t)buffers[i].buf, second = (uintptr_t)buffers[j].buf;
            if (i != j && first < second + (uintptr_t)buffers[j].len && second < first + (uintptr_t)buffers[i].len)
                return 1;
        }
    return 0;
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

/* Which characters make words, and what each contributes to a hash. The last one stands for all that are not listed. */
typedef struct {
    const uint8_t *kinds;
    const uint64_t *values;
    Py_ssize_t known;
    uint64_t base;
} Alphabet;

static int is_alphabet(const Py_buffer *kinds, const Py_buffer *values, uint64_t base, Alphabet *alphabet) {
    *alphabet = (Alphabet){kinds->buf, values->buf, LENGTH(*kinds, uint8_t), base};
    return alphabet->known != 0 && LENGTH(*values, uint64_t) == alphabet->known;
}

static inline Py_ssize_t listed_as(const Alphabet *alphabet, uint32_t code) {
    return code < alphabet->known ? code : alphabet->known - 1;
}

static int are_edges(const int64_t *edges, Py_ssize_t sentences, Py_ssize_t length) {
    if (edges[0] < 0 || edges[sentences] > length) return 0;
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++)
        if (edges[sentence] > edges[sentence + 1]) return 0;
    return 1;
}

/* The end of the word that begins at START, and its hash; or START, where none begins. */
static inline Py_ssize_t end_of_word(const Alphabet *alphabet, const uint32_t *codes, Py_ssize_t start, Py_ssize_t end,
                                     uint64_t *hash, uint8_t *kind) {
    Py_ssize_t code = listed_as(alphabet, codes[start]);
    *kind = alphabet->kinds[code];
    if (*kind < LETTER) return start;
    uint64_t power = alphabet->base;
    *hash = alphabet->values[code] * power;
    Py_ssize_t i = start + 1;
    if (*kind == LETTER)
        for (; i < end && alphabet->kinds[code = listed_as(alphabet, codes[i])] == LETTER; i++)
            *hash += alphabet->values[code] * (power *= alphabet->base);
    return i;
}

static PyObject *find_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { CODES, KINDS, VALUES, EDGES, HASHES, COUNTS, OTHERS, ALL };
    Py_buffer b[ALL];
    unsigned long long base;
    if (!PyArg_ParseTuple(arguments, "Ky*y*y*y*w*w*w*", &base, &b[CODES], &b[KINDS], &b[VALUES], &b[EDGES], &b[HASHES],
                          &b[COUNTS], &b[OTHERS]))
        return NULL;
    const uint32_t *codes = b[CODES].buf;
    const int64_t *edges = b[EDGES].buf;
    uint64_t *hashes = b[HASHES].buf, hash;
    int64_t *counts = b[COUNTS].buf;
    uint8_t *others = b[OTHERS].buf, kind;
    const Py_ssize_t length = LENGTH(b[CODES], uint32_t), sentences = LENGTH(b[COUNTS], int64_t);
    Alphabet alphabet;
    if (overlap(b, ALL, 3) || !is_alphabet(&b[KINDS], &b[VALUES], base, &alphabet) ||
        LENGTH(b[EDGES], int64_t) != sentences + 1 || LENGTH(b[HASHES], uint64_t) < length ||
        LENGTH(b[OTHERS], uint8_t) != sentences || !are_edges(edges, sentences, length))
        return refused(b, ALL);
    Py_ssize_t words = 0;
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++) {
        const Py_ssize_t before = words;
        others[sentence] = 0;
        for (Py_ssize_t i = edges[sentence], end; i < edges[sentence + 1]; i = end) {
            end = end_of_word(&alphabet, codes, i, edges[sentence + 1], &hash, &kind);
            if (end > i) {
                hashes[words++] = hash;
            } else {
                others[sentence] |= kind == OTHER;
                end++;
            }
        }
        counts[sentence] = words - before;
    }
    release(b, ALL);
    return PyLong_FromSsize_t(words);
}

/* Where the search for a hash begins; those after it follow. SLOTS is a power of two. */
static inline size_t first_slot(uint64_t hash, size_t slots) { return (size_t)(hash >> 40 ^ hash >> 20) & (slots - 1); }

static PyObject *index_words(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { HASHES, SLOTS, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*w*", &b[HASHES], &b[SLOTS])) return NULL;
    const uint64_t *hashes = b[HASHES].buf;
    int32_t *slots = b[SLOTS].buf;
    const size_t size = (size_t)LENGTH(b[SLOTS], int32_t), count = (size_t)LENGTH(b[HASHES], uint64_t);
    if (overlap(b, ALL, 1) || size == 0 || (size & (size - 1)) != 0 || count > size / 2 || count > INT32_MAX)
        return refused(b, ALL);
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
    if (overlap(b, ALL, 1) || !is_table(&b[HASHES], &b[SLOTS], &table) || LENGTH(b[FOUND], int64_t) != count)
        return refused(b, ALL);
    for (Py_ssize_t i = 0; i < count; i++) found[i] = index_of(&table, words[i]);
    return done(b, ALL);
}

/* ---- token_ids.py ---- */

enum { MOST_LETTERS = 1024 }; /* of a word that is cut into pieces */

/* Cuts a word into the longest pieces that are listed, from its beginning on. Returns their number; 0 if a rest of the
   word does not begin with any. */
static Py_ssize_t cut(const Alphabet *alphabet, const uint32_t *codes, Py_ssize_t letters, const Table *beginnings,
                      const Table *continuations, int64_t *pieces) {
    uint64_t hashes[MOST_LETTERS];
    Py_ssize_t count = 0;
    for (Py_ssize_t start = 0, end; start < letters; start = end) {
        const Table *const table = start == 0 ? beginnings : continuations;
        uint64_t power = 1, hash = 0;
        for (Py_ssize_t i = start; i < letters; i++)
            hashes[i] = hash += alphabet->values[listed_as(alphabet, codes[i])] * (power *= alphabet->base);
        int64_t index = table->listed;
        for (end = letters + 1; index == table->listed;) {
            if (--end == start) return 0;
            index = index_of(table, hashes[end - 1]);
        }
        pieces[count++] = index;
    }
    return count;
}

static PyObject *find_tokens(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { CODES, KINDS, VALUES, EDGES, WORDS, SLOTS, PARTS, PART_SLOTS, WORD_IDS, PART_IDS, IDS, COUNTS, OTHERS, ALL };
    Py_buffer b[ALL];
    unsigned long long base;
    Py_ssize_t longest;
    long long unknown;
    if (!PyArg_ParseTuple(arguments, "KnLy*y*y*y*y*y*y*y*y*y*w*w*w*", &base, &longest, &unknown, &b[CODES], &b[KINDS],
                          &b[VALUES], &b[EDGES], &b[WORDS], &b[SLOTS], &b[PARTS], &b[PART_SLOTS], &b[WORD_IDS],
                          &b[PART_IDS], &b[IDS], &b[COUNTS], &b[OTHERS]))
        return NULL;
    const uint32_t *codes = b[CODES].buf;
    const int64_t *edges = b[EDGES].buf, *word_ids = b[WORD_IDS].buf, *part_ids = b[PART_IDS].buf;
    int64_t *ids = b[IDS].buf, *counts = b[COUNTS].buf;
    uint8_t *others = b[OTHERS].buf, kind;
    uint64_t hash;
    const Py_ssize_t length = LENGTH(b[CODES], uint32_t), sentences = LENGTH(b[COUNTS], int64_t);
    Alphabet alphabet;
    Table words, parts;
    if (overlap(b, ALL, 3) || !is_alphabet(&b[KINDS], &b[VALUES], base, &alphabet) ||
        LENGTH(b[EDGES], int64_t) != sentences + 1 || !is_table(&b[WORDS], &b[SLOTS], &words) ||
        !is_table(&b[PARTS], &b[PART_SLOTS], &parts) || LENGTH(b[WORD_IDS], int64_t) != words.listed ||
        LENGTH(b[PART_IDS], int64_t) != parts.listed || LENGTH(b[IDS], int64_t) < length ||
        LENGTH(b[OTHERS], uint8_t) != sentences || !are_edges(edges, sentences, length))
        return refused(b, ALL);
    Py_ssize_t total = 0; /* at most one for each character */
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++) {
        const Py_ssize_t before = total;
        others[sentence] = 0;
        for (Py_ssize_t i = edges[sentence], end; i < edges[sentence + 1]; i = end) {
            end = end_of_word(&alphabet, codes, i, edges[sentence + 1], &hash, &kind);
            if (end == i) {
                others[sentence] |= kind == OTHER;
                end++;
                continue;
            }
            const int64_t index = index_of(&words, hash);
            if (index < words.listed) {
                ids[total++] = word_ids[index];
                continue;
            }
            const Py_ssize_t letters = end - i, most = longest < MOST_LETTERS ? longest : MOST_LETTERS;
            const Py_ssize_t pieces =
                letters > most ? 0 : cut(&alphabet, codes + i, letters, &words, &parts, ids + total);
            for (Py_ssize_t piece = 0; piece < pieces; piece++)
                ids[total + piece] = (piece == 0 ? word_ids : part_ids)[ids[total + piece]];
            if (pieces == 0) ids[total++] = unknown;
            total += pieces;
        }
        counts[sentence] = total - before;
    }
    release(b, ALL);
    return PyLong_FromSsize_t(total);
}

/* ---- encoder.py ---- */

enum { AHEAD = 8 }; /* rows that are fetched before they are needed */

INLINE void average(const float *table, Py_ssize_t width, const int64_t *rows, Py_ssize_t total, const int64_t *counts,
                    Py_ssize_t sentences, float *means) {
    for (Py_ssize_t sentence = 0, i = 0; sentence < sentences; sentence++) {
        float *restrict mean = means + sentence * width;
        memset(mean, 0, (size_t)width * sizeof(float));
        for (const Py_ssize_t end = i + counts[sentence]; i < end; i++) {
            const float *restrict row = table + rows[i] * width;
#if defined(__GNUC__)
            if (i + AHEAD < total)
                for (Py_ssize_t j = 0; j < width; j += CACHE_LINE)
                    __builtin_prefetch(table + rows[i + AHEAD] * width + j);
#else
            (void)total;
#endif
            for (Py_ssize_t j = 0; j < width; j++) mean[j] += row[j];
        }
        const float divisor = counts[sentence] > 0 ? (float)counts[sentence] : 1;
        for (Py_ssize_t j = 0; j < width; j++) mean[j] /= divisor;
    }
}

AVX2 static void average_with_avx2(const float *table, Py_ssize_t width, const int64_t *rows, Py_ssize_t total,
                                   const int64_t *counts, Py_ssize_t sentences, float *means) {
    average(table, width, rows, total, counts, sentences, means);
}

static PyObject *mean_rows(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { TABLE, ROWS, COUNTS, MEANS, ALL };
    Py_buffer b[ALL];
    Py_ssize_t width;
    int asked;
    if (!PyArg_ParseTuple(arguments, "iny*y*y*w*", &asked, &width, &b[TABLE], &b[ROWS], &b[COUNTS], &b[MEANS]))
        return NULL;
    const int64_t *rows = b[ROWS].buf, *counts = b[COUNTS].buf;
    const Py_ssize_t sentences = LENGTH(b[COUNTS], int64_t), total = LENGTH(b[ROWS], int64_t);
    const Py_ssize_t room = LENGTH(b[MEANS], float);
    if (overlap(b, ALL, 1) || width < 1 ||
        (sentences == 0 ? room != 0 : room / sentences != width || room % sentences != 0))
        return refused(b, ALL);
    const Py_ssize_t listed = LENGTH(b[TABLE], float) / width;
    for (Py_ssize_t i = 0; i < total; i++)
        if (rows[i] < 0 || rows[i] >= listed) return refused(b, ALL);
    Py_ssize_t left = total;
    for (Py_ssize_t sentence = 0; sentence < sentences; left -= counts[sentence++])
        if (counts[sentence] < 0 || counts[sentence] > left) return refused(b, ALL);
    if (widest(asked) >= WITH_AVX2)
        average_with_avx2(b[TABLE].buf, width, rows, total, counts, sentences, b[MEANS].buf);
    else average(b[TABLE].buf, width, rows, total, counts, sentences, b[MEANS].buf);
    return done(b, ALL);
}

/* ---- typography.py ---- */

static PyObject *capitals_and_digits(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { CODES, CAPITALS, EDGES, NUMBERS, ALL };
    Py_buffer b[ALL];
    if (!PyArg_ParseTuple(arguments, "y*y*y*w*", &b[CODES], &b[CAPITALS], &b[EDGES], &b[NUMBERS])) return NULL;
    const uint32_t *codes = b[CODES].buf;
    const uint8_t *are_capitals = b[CAPITALS].buf;
    const int64_t *edges = b[EDGES].buf;
    int64_t (*numbers)[2] = b[NUMBERS].buf;
    const Py_ssize_t length = LENGTH(b[CODES], uint32_t), sentences = LENGTH(b[EDGES], int64_t) - 1;
    const Py_ssize_t known = LENGTH(b[CAPITALS], uint8_t);
    if (overlap(b, ALL, 1) || sentences < 0 || known == 0 || LENGTH(b[NUMBERS], int64_t) != 2 * sentences ||
        !are_edges(edges, sentences, length))
        return refused(b, ALL);
    for (Py_ssize_t sentence = 0; sentence < sentences; sentence++) {
        int64_t capitals = 0, digits = 0;
        for (Py_ssize_t i = edges[sentence]; i < edges[sentence + 1]; i++) {
            capitals += are_capitals[codes[i] < known ? codes[i] : known - 1] != 0;
            digits += codes[i] >= '0' && codes[i] <= '9';
        }
        numbers[sentence][0] = capitals;
        numbers[sentence][1] = digits;
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

/* How often a sentence has a word. */
typedef struct {
    Py_ssize_t sentence, word;
    double repeats, weight;
} Entry;

static int ascending(const void *one, const void *other) {
    const double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

/* Six features of each of COUNT sentences from the weights of their words, in columns that begin at FEATURES. Memory:
   a number for each word, and five for each sentence. */
static void add_features(Entry *entries, Py_ssize_t entry_count, Py_ssize_t distinct, Py_ssize_t count, double *memory,
                         float *features, Py_ssize_t width) {
    double *const totals = memory, *const lengths = memory + distinct, *const sorted = lengths + count;
    double (*const sums)[3] = (double (*)[3])(sorted + count);
    memset(memory, 0, (size_t)(distinct + 5 * count) * sizeof(double));
    for (Entry *entry = entries; entry < entries + entry_count; entry++)
        lengths[entry->sentence] += entry->weight * entry->weight;
    for (Py_ssize_t i = 0; i < count; i++) lengths[i] = sqrt(lengths[i]);
    for (Entry *entry = entries; entry < entries + entry_count; entry++) {
        if (lengths[entry->sentence] > 0) entry->weight /= lengths[entry->sentence];
        sums[entry->sentence][1] += entry->weight * totals[entry->word]; /* so far, of the sentences before */
        totals[entry->word] += entry->weight;
    }
    for (const Entry *entry = entries; entry < entries + entry_count; entry++)
        sums[entry->sentence][2] += entry->weight * totals[entry->word];
    double whole = 0;
    for (Py_ssize_t word = 0; word < distinct; word++) whole += totals[word] * totals[word];
    whole = whole > 0 ? sqrt(whole) : 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        sums[i][0] = sums[i][2] - sums[i][1] - (lengths[i] > 0); /* the product with itself is 1 */
        sums[i][2] /= whole;
        for (int column = 0; column < 3; column++) sums[i][column] = rint(sums[i][column] * 1e9) / 1e9;
        sorted[i] = sums[i][0];
    }
    for (int column = 0; column < 3; column++) {
        double mean = 0, square = 0;
        for (Py_ssize_t i = 0; i < count; i++) mean += sums[i][column];
        mean /= (double)count;
        for (Py_ssize_t i = 0; i < count; i++) square += (sums[i][column] - mean) * (sums[i][column] - mean);
        const double scale = 3 * sqrt(square / (double)count) + 1e-6;
        for (Py_ssize_t i = 0; i < count; i++)
            features[i * width + 2 + column] = (float)((sums[i][column] - mean) / scale);
    }
    qsort(sorted, (size_t)count, sizeof(double), ascending);
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t lower = 0;
        for (Py_ssize_t high = count; lower < high;) {
            const Py_ssize_t middle = lower + (high - lower) / 2;
            if (sorted[middle] < sums[i][0]) lower = middle + 1;
            else high = middle;
        }
        features[i * width] = (float)(sums[i][0] / 4);
        features[i * width + 1] = (float)(sums[i][1] / 4);
        features[i * width + 5] = (float)((double)lower / (double)count);
    }
}

static PyObject *overlap_features(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { WORDS, COUNTS, LISTED, SLOTS, RARITIES, FEATURES, ALL };
    Py_buffer b[ALL];
    Py_ssize_t second; /* the column of the features by rarity; 0 for none */
    if (!PyArg_ParseTuple(arguments, "ny*y*y*y*y*w*", &second, &b[WORDS], &b[COUNTS], &b[LISTED], &b[SLOTS],
                          &b[RARITIES], &b[FEATURES]))
        return NULL;
    const uint64_t *given = b[WORDS].buf;
    const int64_t *counts = b[COUNTS].buf;
    const double *rarities = b[RARITIES].buf;
    float *const features = b[FEATURES].buf;
    const Py_ssize_t total = LENGTH(b[WORDS], uint64_t), count = LENGTH(b[COUNTS], int64_t);
    const Py_ssize_t width = count == 0 ? 0 : LENGTH(b[FEATURES], float) / count;
    Table table = {NULL, NULL, 0, 0};
    if (overlap(b, ALL, 1) || count == 0 || LENGTH(b[FEATURES], float) != count * width || second < 0 || width < 6 ||
        second > width - 6)
        return refused(b, ALL);
    if (second && (!is_table(&b[LISTED], &b[SLOTS], &table) || LENGTH(b[RARITIES], double) != table.listed + 1))
        return refused(b, ALL);
    Py_ssize_t left = total;
    for (Py_ssize_t sentence = 0; sentence < count; sentence++) {
        if (counts[sentence] < 0 || counts[sentence] > left) return refused(b, ALL);
        left -= counts[sentence];
    }
    if (left != 0) return refused(b, ALL);
    /* One more of each, since room for nothing may be refused. */
    Word *const words = PyMem_Malloc((size_t)(total + 1) * 2 * sizeof(Word));
    Entry *const entries = PyMem_Malloc((size_t)(total + 1) * sizeof(Entry));
    double *const memory = PyMem_Malloc((size_t)(2 * total + 5 * count + 1) * sizeof(double));
    if (words == NULL || entries == NULL || memory == NULL) {
        PyMem_Free(words);
        PyMem_Free(entries);
        PyMem_Free(memory);
        return out_of_memory(b, ALL);
    }
    for (Py_ssize_t i = 0, sentence = 0; sentence < count; sentence++)
        for (const Py_ssize_t end = i + counts[sentence]; i < end; i++) words[i] = (Word){given[i], sentence};
    radix_sort(words, words + total, total);
    double *const having = memory; /* sentences with each word, and then how rare that is */
    Py_ssize_t distinct = 0, entry_count = 0;
    for (Py_ssize_t i = 0; i < total; i++) {
        if (i == 0 || words[i].hash != words[i - 1].hash) {
            words[distinct].hash = words[i].hash; /* not behind what is still to be read */
            having[distinct++] = 0;
        } else if (words[i].sentence == entries[entry_count - 1].sentence) {
            entries[entry_count - 1].repeats++;
            continue;
        }
        having[distinct - 1]++;
        entries[entry_count++] = (Entry){words[i].sentence, distinct - 1, 1, 0};
    }
    for (Py_ssize_t i = 0; i < entry_count; i++)
        entries[i].repeats = entries[i].repeats == 1 ? 1 : 1 + log(entries[i].repeats);
    for (Py_ssize_t column = 0; column <= second; column += second ? second : 1) {
        for (Py_ssize_t word = 0; word < distinct; word++)
            having[word] =
                column == 0 ? log((double)(count + 1) / having[word]) : rarities[index_of(&table, words[word].hash)];
        for (Py_ssize_t i = 0; i < entry_count; i++) entries[i].weight = entries[i].repeats * having[entries[i].word];
        add_features(entries, entry_count, distinct, count, memory + total, features + column, width);
    }
    PyMem_Free(words);
    PyMem_Free(entries);
    PyMem_Free(memory);
    return done(b, ALL);
}

/* ---- model.py ---- */

enum { PARTIAL_SUMS = 16 }; /* so that they can be added side by side */

INLINE float sum_of_products(const float *first, const float *second, Py_ssize_t count) {
    float sums[PARTIAL_SUMS] = {0}, sum = 0;
    const Py_ssize_t whole = count / PARTIAL_SUMS * PARTIAL_SUMS;
    for (Py_ssize_t i = 0; i < whole; i += PARTIAL_SUMS)
        for (int j = 0; j < PARTIAL_SUMS; j++) sums[j] += first[i + j] * (second == NULL ? 1 : second[i + j]);
    for (Py_ssize_t i = whole; i < count; i++) sums[i - whole] += first[i] * (second == NULL ? 1 : second[i]);
    for (int j = 0; j < PARTIAL_SUMS; j++) sum += sums[j];
    return sum;
}

static PyObject *normalize_rows(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { TABLE, ALL };
    Py_buffer b[ALL];
    Py_ssize_t width, numbers;
    float epsilon;
    if (!PyArg_ParseTuple(arguments, "nnfw*", &width, &numbers, &epsilon, &b[TABLE])) return NULL;
    float *const table = b[TABLE].buf;
    const Py_ssize_t length = LENGTH(b[TABLE], float);
    if (numbers < 1 || width < numbers || length % width != 0) return refused(b, ALL);
    for (float *restrict row = table; row < table + length; row += width) {
        const float mean = sum_of_products(row, NULL, numbers) / (float)numbers;
        for (Py_ssize_t i = 0; i < numbers; i++) row[i] -= mean;
        const float scale = 1 / sqrtf(sum_of_products(row, row, numbers) / (float)numbers + epsilon);
        for (Py_ssize_t i = 0; i < numbers; i++) row[i] *= scale;
    }
    return done(b, ALL);
}

/* ---- recurrence.py ---- */

/* Units whose weights are side by side, those of the next block after them; timesteps that are multiplied by the input
   weights together; timesteps whose input products are computed before the recurrence goes through them, so that memory
   does not grow with the article. */
enum { BLOCK = 64, ROWS = 6, CHUNK = 8 * ROWS };

/* Adds to the sums of a block of units what some rows contribute to each; the next row of sums is STRIDE further on. */
typedef void Product(const float *const *rows, Py_ssize_t depth, const float *weights, float *sums, Py_ssize_t stride);

#if defined(__GNUC__)
/* With vectors as wide as the registers (compilers divide wider ones by way of memory), and as many columns of a block
   at once as there are registers for. */
#define DEFINE_PRODUCT(NAME, TARGET, COUNT, COLUMNS, LANES)                                                            \
    TARGET INLINE void NAME(const float *const *rows, Py_ssize_t depth, const float *weights, float *sums,             \
                            Py_ssize_t stride) {                                                                       \
        typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));              \
        enum { VECTORS = COLUMNS / LANES };                                                                            \
        for (int column = 0; column < BLOCK; column += COLUMNS) {                                                      \
            Vector totals[COUNT][VECTORS];                                                                             \
            for (int row = 0; row < COUNT; row++)                                                                      \
                for (int v = 0; v < VECTORS; v++)                                                                      \
                    totals[row][v] = *(const Vector *)(sums + row * stride + column + v * LANES);                      \
            for (Py_ssize_t k = 0; k < depth; k++) {                                                                   \
                Vector weight[VECTORS];                                                                                \
                for (int v = 0; v < VECTORS; v++)                                                                      \
                    weight[v] = *(const Vector *)(weights + k * BLOCK + column + v * LANES);                           \
                for (int row = 0; row < COUNT; row++)                                                                  \
                    for (int v = 0; v < VECTORS; v++) totals[row][v] += rows[row][k] * weight[v];                      \
            }                                                                                                          \
            for (int row = 0; row < COUNT; row++)                                                                      \
                for (int v = 0; v < VECTORS; v++)                                                                      \
                    *(Vector *)(sums + row * stride + column + v * LANES) = totals[row][v];                            \
        }                                                                                                              \
    }
#else
#define DEFINE_PRODUCT(NAME, TARGET, COUNT, COLUMNS, LANES)                                                            \
    TARGET INLINE void NAME(const float *const *rows, Py_ssize_t depth, const float *weights, float *sums,             \
                            Py_ssize_t stride) {                                                                       \
        for (int row = 0; row < COUNT; row++)                                                                          \
            for (Py_ssize_t k = 0; k < depth; k++)                                                                     \
                for (int column = 0; column < BLOCK; column++)                                                         \
                    sums[row * stride + column] += rows[row][k] * weights[k * BLOCK + column];                         \
    }
#endif

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

/* One layer at inference. UNITS is WIDTH filled up to whole blocks. */
typedef struct {
    Py_ssize_t steps, members, directions, inputs, width, units;
    int shared;                 /* whether all members read the same inputs */
    const float *input_weights; /* of each cell (a direction of a member): its gates in blocks */
    const float *state_weights; /* the same */
    const float *biases;        /* of each cell: 4 UNITS */
} Layer;

/* The recurrence of one cell. Memory: a row of UNITS zeros, one for the cell's own state, CHUNK of 4 UNITS. */
INLINE void run_cell(Product *add_inputs, Product *add_state, const Layer *layer, Py_ssize_t cell, const float *inputs,
                     float *states, float *memory) {
    const Py_ssize_t units = layer->units, width = layer->width, steps = layer->steps, blocks = 4 * units / BLOCK;
    const float *const input_weights = layer->input_weights + cell * 4 * units * layer->inputs;
    const float *const state_weights = layer->state_weights + cell * 4 * units * width;
    const int backwards = cell % layer->directions != 0;
    const float *state = memory; /* zeros */
    float *restrict carried = memory + units, *restrict sums = memory + 2 * units;
    memset(carried, 0, (size_t)units * sizeof(float));
    for (Py_ssize_t first = 0; first < steps; first += CHUNK) {
        const Py_ssize_t count = steps - first < CHUNK ? steps - first : CHUNK;
        const float *rows[CHUNK];
        for (Py_ssize_t t = 0; t < count || t % ROWS != 0; t++) { /* the last one again, to fill up ROWS */
            const Py_ssize_t step = first + (t < count ? t : count - 1);
            rows[t] = inputs + (backwards ? steps - 1 - step : step) * layer->inputs;
            memcpy(sums + t * 4 * units, layer->biases + cell * 4 * units, 4 * (size_t)units * sizeof(float));
        }
        for (Py_ssize_t block = 0; block < blocks; block++)
            for (Py_ssize_t t = 0; t < count; t += ROWS)
                add_inputs(rows + t, layer->inputs, input_weights + block * layer->inputs * BLOCK,
                           sums + t * 4 * units + block * BLOCK, 4 * units);
        for (Py_ssize_t t = 0; t < count; t++) {
            float *restrict gates = sums + t * 4 * units;
            for (Py_ssize_t block = 0; block < blocks; block++)
                add_state(&state, width, state_weights + block * width * BLOCK, gates + block * BLOCK, 0);
            const Py_ssize_t step = backwards ? steps - 1 - first - t : first + t;
            float *restrict next = states + step * layer->directions * width;
            for (Py_ssize_t j = 0; j < width; j++) {
                const float input = sigmoid_of_half(gates[j]), forget = sigmoid_of_half(gates[units + j]);
                const float output = sigmoid_of_half(gates[2 * units + j]);
                carried[j] = input * tangent(gates[3 * units + j]) + forget * carried[j];
                next[j] = output * tangent(carried[j]);
            }
            state = next;
        }
    }
}

/* Cells one after the other, so that the weights of each stay in the cache. */
INLINE void run_cells(Product *add_inputs, Product *add_state, const Layer *layer, const float *inputs, float *states,
                      float *memory) {
    for (Py_ssize_t cell = 0; cell < layer->members * layer->directions; cell++) {
        const Py_ssize_t member = cell / layer->directions, direction = cell % layer->directions;
        run_cell(add_inputs, add_state, layer, cell,
                 inputs + (layer->shared ? 0 : member * layer->steps * layer->inputs),
                 states + (member * layer->steps * layer->directions + direction) * layer->width, memory);
    }
}

typedef void Runner(const Layer *, const float *, float *, float *);

#define DEFINE_RUNNER(NAME, TARGET, COLUMNS, LANES)                                                                    \
    DEFINE_PRODUCT(NAME##_inputs, TARGET, ROWS, COLUMNS, LANES)                                                        \
    DEFINE_PRODUCT(NAME##_state, TARGET, 1, BLOCK, LANES)                                                              \
    TARGET static void NAME(const Layer *layer, const float *inputs, float *states, float *memory) {                   \
        run_cells(NAME##_inputs, NAME##_state, layer, inputs, states, memory);                                         \
    }

DEFINE_RUNNER(run_anywhere, , 8, 4)
DEFINE_RUNNER(run_with_avx2, AVX2, 16, 8)
DEFINE_RUNNER(run_with_avx512, AVX512, 64, 16)

static Runner *const runners[] = {run_anywhere, run_with_avx2, run_with_avx512};

static PyObject *lstm(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { INPUTS, INPUT_WEIGHTS, BIASES, STATE_WEIGHTS, STATES, ALL };
    Py_buffer b[ALL];
    Layer layer = {0};
    int asked;
    if (!PyArg_ParseTuple(arguments, "innnny*y*y*y*w*", &asked, &layer.members, &layer.directions, &layer.inputs,
                          &layer.width, &b[INPUTS], &b[INPUT_WEIGHTS], &b[BIASES], &b[STATE_WEIGHTS], &b[STATES]))
        return NULL;
    const Py_ssize_t members = layer.members, directions = layer.directions, width = layer.width;
    const Py_ssize_t biases = LENGTH(b[BIASES], float), states = LENGTH(b[STATES], float);
    /* Each factor of a product that is compared below is first compared with a length, so that none overflows. */
    if (overlap(b, ALL, 1) || members < 1 || directions < 1 || directions > 2 || width < 1 || layer.inputs < 1 ||
        members > biases || width > biases || layer.inputs > LENGTH(b[INPUT_WEIGHTS], float))
        return refused(b, ALL);
    layer.units = (width + BLOCK - 1) / BLOCK * BLOCK;
    const Py_ssize_t cells = members * directions;
    if (biases / 4 / cells != layer.units || biases % (4 * cells) != 0 ||
        LENGTH(b[STATE_WEIGHTS], float) / biases != width || LENGTH(b[STATE_WEIGHTS], float) % biases != 0 ||
        LENGTH(b[INPUT_WEIGHTS], float) / biases != layer.inputs || LENGTH(b[INPUT_WEIGHTS], float) % biases != 0 ||
        states % (cells * width) != 0)
        return refused(b, ALL);
    layer.steps = states / (cells * width);
    const Py_ssize_t rows = LENGTH(b[INPUTS], float) / layer.inputs;
    layer.shared = rows == layer.steps;
    if (LENGTH(b[INPUTS], float) % layer.inputs != 0 || (!layer.shared && rows != layer.steps * members))
        return refused(b, ALL);
    float *const memory = PyMem_Calloc((size_t)layer.units * (2 + 4 * CHUNK) + CACHE_LINE, sizeof(float));
    if (memory == NULL) return out_of_memory(b, ALL);
    float *const aligned = memory + (-(uintptr_t)memory / sizeof(float) & (CACHE_LINE - 1));
    layer.input_weights = b[INPUT_WEIGHTS].buf;
    layer.state_weights = b[STATE_WEIGHTS].buf;
    layer.biases = b[BIASES].buf;
    Py_BEGIN_ALLOW_THREADS;
    runners[widest(asked)](&layer, b[INPUTS].buf, b[STATES].buf, aligned);
    Py_END_ALLOW_THREADS;
    PyMem_Free(memory);
    return done(b, ALL);
}

/* ---- byte_layers.py ---- */

/* The byte that stands for a magnitude equal to the row's largest. */
#define LARGEST_BYTE 127.0f

/* Adding it leaves the nearest integer in the last bits of a float: 1.5 times two to the power of 23. */
#define ROUNDER 12582912.0f

INLINE void quantize(const float *table, Py_ssize_t width, Py_ssize_t count, int8_t *bytes, float *scales) {
    for (Py_ssize_t row = 0; row < count; row++) {
        const float *restrict from = table + row * width;
        int8_t *restrict to = bytes + row * width;
        int32_t largest_bits = 0; /* floats without a sign are in the same order as their bits */
        for (Py_ssize_t j = 0; j < width; j++) {
            int32_t bits;
            memcpy(&bits, from + j, sizeof bits);
            bits &= INT32_MAX;
            largest_bits = bits > largest_bits ? bits : largest_bits;
        }
        float largest;
        memcpy(&largest, &largest_bits, sizeof largest);
        scales[row] = largest / LARGEST_BYTE;
        const float inverse = largest > LARGEST_BYTE / FLT_MAX ? LARGEST_BYTE / largest : 0; /* or infinite */
        for (Py_ssize_t j = 0; j < width; j++) {
            const float rounded = from[j] * inverse + ROUNDER;
            int32_t bits;
            memcpy(&bits, &rounded, sizeof bits);
            to[j] = (int8_t)(bits & 0xFF);
        }
    }
}

INLINE void rescale(const int32_t *sums, const float *row_scales, const float *column_scales, const float *biases,
                    Py_ssize_t width, Py_ssize_t count, float *table) {
    for (Py_ssize_t row = 0; row < count; row++) {
        const int32_t *restrict from = sums + row * width;
        float *restrict to = table + row * width;
        for (Py_ssize_t j = 0; j < width; j++)
            to[j] = (float)from[j] * (row_scales[row] * column_scales[j]) + biases[j];
    }
}

typedef void Quantizer(const float *, Py_ssize_t, Py_ssize_t, int8_t *, float *);
typedef void Rescaler(const int32_t *, const float *, const float *, const float *, Py_ssize_t, Py_ssize_t, float *);

#define DEFINE_BYTE_LAYER(SUFFIX, TARGET)                                                                              \
    TARGET static void quantize_##SUFFIX(const float *table, Py_ssize_t width, Py_ssize_t count, int8_t *bytes,        \
                                         float *scales) {                                                              \
        quantize(table, width, count, bytes, scales);                                                                  \
    }                                                                                                                  \
    TARGET static void rescale_##SUFFIX(const int32_t *sums, const float *row_scales, const float *column_scales,      \
                                        const float *biases, Py_ssize_t width, Py_ssize_t count, float *table) {       \
        rescale(sums, row_scales, column_scales, biases, width, count, table);                                         \
    }

DEFINE_BYTE_LAYER(anywhere, )
DEFINE_BYTE_LAYER(with_avx2, AVX2)
DEFINE_BYTE_LAYER(with_avx512, AVX512)

static Quantizer *const quantizers[] = {quantize_anywhere, quantize_with_avx2, quantize_with_avx512};
static Rescaler *const rescalers[] = {rescale_anywhere, rescale_with_avx2, rescale_with_avx512};

static PyObject *quantize_rows(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { TABLE, BYTES, SCALES, ALL };
    Py_buffer b[ALL];
    Py_ssize_t width;
    int asked;
    if (!PyArg_ParseTuple(arguments, "iny*w*w*", &asked, &width, &b[TABLE], &b[BYTES], &b[SCALES])) return NULL;
    const Py_ssize_t length = LENGTH(b[TABLE], float);
    if (overlap(b, ALL, 2) || width < 1 || length % width != 0 || LENGTH(b[BYTES], int8_t) != length ||
        LENGTH(b[SCALES], float) != length / width)
        return refused(b, ALL);
    Py_BEGIN_ALLOW_THREADS;
    quantizers[widest(asked)](b[TABLE].buf, width, length / width, b[BYTES].buf, b[SCALES].buf);
    Py_END_ALLOW_THREADS;
    return done(b, ALL);
}

static PyObject *rescale_rows(PyObject *Py_UNUSED(self), PyObject *arguments) {
    enum { SUMS, ROW_SCALES, COLUMN_SCALES, BIASES, TABLE, ALL };
    Py_buffer b[ALL];
    int asked;
    if (!PyArg_ParseTuple(arguments, "iy*y*y*y*w*", &asked, &b[SUMS], &b[ROW_SCALES], &b[COLUMN_SCALES], &b[BIASES],
                          &b[TABLE]))
        return NULL;
    const Py_ssize_t length = LENGTH(b[SUMS], int32_t), width = LENGTH(b[BIASES], float);
    if (overlap(b, ALL, 1) || width < 1 || length % width != 0 || LENGTH(b[COLUMN_SCALES], float) != width ||
        LENGTH(b[ROW_SCALES], float) != length / width || LENGTH(b[TABLE], float) != length)
        return refused(b, ALL);
    Py_BEGIN_ALLOW_THREADS;
    rescalers[widest(asked)](b[SUMS].buf, b[ROW_SCALES].buf, b[COLUMN_SCALES].buf, b[BIASES].buf, width, length / width,
                             b[TABLE].buf);
    Py_END_ALLOW_THREADS;
    return done(b, ALL);
}

static PyObject *version(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arguments)) { return PyLong_FromLong(VERSION); }

static PyMethodDef methods[] = {
    {"version", version, METH_NOARGS, NULL},
    {"find_words", find_words, METH_VARARGS, NULL},
    {"index_words", index_words, METH_VARARGS, NULL},
    {"look_up", look_up, METH_VARARGS, NULL},
    {"find_tokens", find_tokens, METH_VARARGS, NULL},
    {"mean_rows", mean_rows, METH_VARARGS, NULL},
    {"capitals_and_digits", capitals_and_digits, METH_VARARGS, NULL},
    {"overlap_features", overlap_features, METH_VARARGS, NULL},
    {"normalize_rows", normalize_rows, METH_VARARGS, NULL},
    {"lstm", lstm, METH_VARARGS, NULL},
    {"quantize_rows", quantize_rows, METH_VARARGS, NULL},
    {"rescale_rows", rescale_rows, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
