// Matrix products with packed weights. A cell's weights are the same at every step, so they are packed
// once a sequence: panels of PANEL columns, each with its rows one after the other, filled up with zeros.
// GCC's vector types make this portable: they become whatever registers the CPU has.

#if defined(__AVX512F__)
constexpr long BYTES = 64, ROWS = 14;  // of a vector register; of a tile that fits into all of them
#elif defined(__AVX__)
constexpr long BYTES = 32, ROWS = 6;
#else
constexpr long BYTES = 16, ROWS = 6;
#endif
constexpr long WIDTH = BYTES / sizeof(Real), PANEL = 2 * WIDTH;
typedef Real Vector __attribute__((vector_size(BYTES), aligned(sizeof(Real)), may_alias));

static long packed_size(long depth, long columns) { return (columns + PANEL - 1) / PANEL * PANEL * depth; }

static void pack(const Real *weights, long down, long across, long depth, long columns, Real *packed) {
    for (long from = 0; from < columns; from += PANEL, packed += depth * PANEL) {
        long width = columns - from < PANEL ? columns - from : PANEL;
        const Real *panel = weights + from * across;
        for (long block = 0; block < depth; block += WIDTH) {
            long end = block + WIDTH < depth ? block + WIDTH : depth;
            if (across == 1)
                for (long k = block; k < end; k++)
                    for (long j = 0; j < PANEL; j++)
                        packed[k * PANEL + j] = j < width ? panel[k * down + j] : 0;
            else
                for (long j = 0; j < PANEL; j++)
                    for (long k = block; k < end; k++)
                        packed[k * PANEL + j] = j < width ? panel[k * down + j * across] : 0;
        }
    }
}

// M rows of a product by one panel; all sums stay in registers.
template <int M>
__attribute__((noinline)) static void multiply_tile(Left left, const Real *panel, long depth, Real *to, long stride,
                                                    long width, bool add) {
    Vector sums[M][2];
#pragma GCC unroll 16
    for (int i = 0; i < M; i++) {
        sums[i][0] = sums[i][1] = Vector{};
        __builtin_prefetch(to + i * stride, 1);
        __builtin_prefetch(to + i * stride + WIDTH, 1);
    }
    for (long k = 0; k < depth; k++, left.numbers += left.down, panel += PANEL) {
        const Vector *right = (const Vector *)panel;
        __builtin_prefetch(panel + 16 * PANEL);
        __builtin_prefetch(panel + 16 * PANEL + WIDTH);
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) {
            sums[i][0] += left.numbers[i * left.across] * right[0];
            sums[i][1] += left.numbers[i * left.across] * right[1];
        }
    }
    if (width == PANEL) {
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) {
            Vector *row = (Vector *)(to + i * stride);
            row[0] = add ? row[0] + sums[i][0] : sums[i][0];
            row[1] = add ? row[1] + sums[i][1] : sums[i][1];
        }
    } else {
        Vector rest[M][2];  // a copy, since sums that are indexed would not stay in registers
#pragma GCC unroll 16
        for (int i = 0; i < M; i++) rest[i][0] = sums[i][0], rest[i][1] = sums[i][1];
        for (int i = 0; i < M; i++)
            for (long j = 0; j < width; j++)
                to[i * stride + j] = (add ? to[i * stride + j] : 0) + ((Real *)rest[i])[j];
    }
}

template <int M>
static void choose_tile(long rows, Left left, const Real *panel, long depth, Real *to, long stride, long width,
                        bool add) {
    if (rows == M) multiply_tile<M>(left, panel, depth, to, stride, width, add);
    else if constexpr (M > 1) choose_tile<M - 1>(rows, left, panel, depth, to, stride, width, add);
}

static long room_size(long, long) { return 0; }

static void multiply(Left left, long rows, const Real *packed, long depth, long columns, Real *to, long stride,
                     bool add, Real *) {
    const long tiles = (rows + ROWS - 1) / ROWS;
    for (long from = 0; from < columns; from += PANEL, packed += depth * PANEL)
        for (long tile = 0; tile < tiles; tile++) {
            const long first = rows * tile / tiles, count = rows * (tile + 1) / tiles - first;
            const long width = columns - from < PANEL ? columns - from : PANEL;
            choose_tile<ROWS>(count, {left.numbers + first * left.across, left.across, left.down}, packed, depth,
                              to + first * stride + from, stride, width, add);
        }
}
