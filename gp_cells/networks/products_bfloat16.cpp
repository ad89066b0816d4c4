// Matrix products of factors rounded to bfloat16, the nearest and of two the even one, with sums in float32.
// Packed as in products.cpp, but two rows side by side in one lane: one instruction multiplies and adds both.

#ifndef __AVX512BF16__
#error "this CPU has no bfloat16 products (AVX512_BF16); choose precision float32"
#endif
#include <immintrin.h>

#include <cstdint>

constexpr long WIDTH = 16, PANEL = 2 * WIDTH, ROWS = 12;
typedef uint32_t Pair;  // of bfloat16: the number of the earlier row in the lower half

// Up to WIDTH numbers, and zeros.
static inline __m256i rounded(const Real *numbers, long count) {
    const __mmask16 mask = count < WIDTH ? (1u << count) - 1 : 0xffff;
    return (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, numbers));
}

// Element (k, j) of a factor goes to half k % 2 of to[k / 2 * to_down + j * to_across].
static void round_pairs(const Real *numbers, long down, long across, long depth, long columns, Pair *to, long to_down,
                        long to_across) {
    Pair several[WIDTH];
    if (across == 1) {
        for (long k = 0; k < depth; k += 2, numbers += 2 * down, to += to_down)
            for (long j = 0; j < columns; j += WIDTH) {
                const long count = columns - j < WIDTH ? columns - j : WIDTH;
                __m512i pairs = _mm512_cvtepu16_epi32(rounded(numbers + j, count));
                if (k + 1 < depth) {
                    const __m512i later = _mm512_cvtepu16_epi32(rounded(numbers + down + j, count));
                    pairs = _mm512_or_si512(pairs, _mm512_slli_epi32(later, 16));
                }
                _mm512_storeu_si512(several, pairs);
                for (long i = 0; i < count; i++) to[(j + i) * to_across] = several[i];
            }
    } else {
        for (long j = 0; j < columns; j++, numbers += across, to += to_across)
            for (long k = 0; k < depth; k += WIDTH) {
                const long count = depth - k < WIDTH ? depth - k : WIDTH;
                _mm256_storeu_si256((__m256i *)several, rounded(numbers + k, count));
                for (long i = 0; i < (count + 1) / 2; i++) to[(k / 2 + i) * to_down] = several[i];
            }
    }
}

static long packed_size(long depth, long columns) { return (columns + PANEL - 1) / PANEL * PANEL * ((depth + 1) / 2); }

static void pack(const Real *weights, long down, long across, long depth, long columns, Real *to) {
    Pair *packed = (Pair *)to;
    for (long from = 0; from < columns; from += PANEL, packed += PANEL * ((depth + 1) / 2)) {
        const long width = columns - from < PANEL ? columns - from : PANEL;
        if (width < PANEL) __builtin_memset(packed, 0, PANEL * ((depth + 1) / 2) * sizeof(Pair));
        round_pairs(weights + from * across, down, across, depth, width, packed, PANEL, 1);
    }
}

// A left factor: row i, pair k is pairs[i * across + k * down].
struct Rounded {
    const Pair *pairs;
    long across, down;
};

// M rows of a product by one panel; all sums stay in registers.
template <int M>
__attribute__((noinline)) static void multiply_tile(Rounded left, const Pair *panel, long pairs, Real *to,
                                                    long stride, long width, bool add) {
    __m512 sums[M][2];
#pragma GCC unroll 16
    for (int i = 0; i < M; i++) sums[i][0] = sums[i][1] = _mm512_setzero_ps();
    for (long k = 0; k < pairs; k++, panel += PANEL) {
        const __m512bh right[2] = {(__m512bh)_mm512_loadu_si512(panel), (__m512bh)_mm512_loadu_si512(panel + WIDTH)};
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) {
            const __m512bh both = (__m512bh)_mm512_set1_epi32((int)left.pairs[i * left.across + k * left.down]);
            sums[i][0] = _mm512_dpbf16_ps(sums[i][0], both, right[0]);
            sums[i][1] = _mm512_dpbf16_ps(sums[i][1], both, right[1]);
        }
    }
    const uint32_t lanes = width < PANEL ? (1u << width) - 1 : ~0u;
#pragma GCC unroll 16
    for (int i = 0; i < M; i++)
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            const __mmask16 mask = lanes >> half * WIDTH;
            Real *row = to + i * stride + half * WIDTH;
            const __m512 before = _mm512_maskz_loadu_ps(add ? mask : 0, row);
            _mm512_mask_storeu_ps(row, mask, _mm512_add_ps(before, sums[i][half]));
        }
}

template <int M>
static void choose_tile(long rows, Rounded left, const Pair *panel, long pairs, Real *to, long stride, long width,
                        bool add) {
    if (rows == M) multiply_tile<M>(left, panel, pairs, to, stride, width, add);
    else if constexpr (M > 1) choose_tile<M - 1>(rows, left, panel, pairs, to, stride, width, add);
}

static long room_size(long rows, long depth) { return rows * ((depth + 1) / 2); }

static void multiply(Left left, long rows, const Real *packed, long depth, long columns, Real *to, long stride,
                     bool add, Real *room) {
    const long tiles = (rows + ROWS - 1) / ROWS, pairs = (depth + 1) / 2;
    Pair *rounded = (Pair *)room;
    const Rounded all = left.across == 1 ? Rounded{rounded, 1, rows} : Rounded{rounded, pairs, 1};
    round_pairs(left.numbers, left.down, left.across, depth, rows, rounded, all.down, all.across);
    const Pair *panel = (const Pair *)packed;
    for (long from = 0; from < columns; from += PANEL, panel += pairs * PANEL)
        for (long tile = 0; tile < tiles; tile++) {
            const long first = rows * tile / tiles, count = rows * (tile + 1) / tiles - first;
            const long width = columns - from < PANEL ? columns - from : PANEL;
            choose_tile<ROWS>(count, {rounded + first * all.across, all.across, all.down}, panel, pairs,
                              to + first * stride + from, stride, width, add);
        }
}
