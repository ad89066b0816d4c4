// A recurrent layer over a whole sequence, forward and backward. `cpp.py` puts a cell's own constants and
// passes where the lines CONSTANTS and PASSES are, and products.h before all. Arrays are row-major, their last
// axis contiguous; U stands for units. One thread; the same numbers in the same order give the same bits.

constexpr long CHUNK = 256;  // rows, see `chunk_size`

// From one row to the next in arrays of several blocks of `units`: an odd number of cache lines, since
// rows that are a power of two apart would share few places in the cache.
static inline long stride(long blocks, long units) {
    return ((blocks * units * sizeof(Real) + 63) / 64 | 1) * 64 / sizeof(Real);
}

// --- what the caller hands in ---------------------------------------------------------------------

struct Sizes {
    long time, rows, units, inputs, symbols;
};

// An adjoint is the derivative of the loss by its array; one that nobody asks for is null.
struct Given {
    // Read. The inputs are `inputs`, or the rows of `table` that `tokens` name.
    const Real *inputs;            // (time, rows, INPUTS)
    const Real *weight_input;      // (INPUTS, PROJECTIONS U)
    const long *tokens;            // (time, rows)
    const Real *table;             // (symbols, PROJECTIONS U)
    const Real *weight_recurrent;  // (U, (GATES + RECURRENTS) U)
    const Real *gate_bias;         // (GATES U)
    const Real *bias;              // (BIASES, U)
    const Real *scale;             // (SCALES, U)
    const Real *linear;            // (LINEARS, U, U)
    const Real *first_state;       // (STATES, rows, U), or null for zeros
    // Written by forward, read by backward.
    Real *states;  // (STATES, time + 1, rows, U), the first among them
    Real *tape;    // `tape_length` numbers
    // How to multiply matrices.
    const Products *products;
    // Written and forgotten.
    Real *scratch;  // `scratch_length` numbers
    // Read by backward.
    const Real *outputs_adjoint;     // (time, rows, U)
    const Real *last_state_adjoint;  // (STATES, rows, U), or null for zeros
    // Written by backward.
    Real *inputs_adjoint;            // (time, rows, INPUTS)
    Real *weight_input_adjoint;      // (INPUTS, PROJECTIONS U)
    Real *table_adjoint;             // (symbols, PROJECTIONS U)
    Real *weight_recurrent_adjoint;  // (U, (GATES + RECURRENTS) U)
    Real *gate_bias_adjoint;         // (GATES U)
    Real *bias_adjoint;              // (BIASES, U)
    Real *scale_adjoint;             // (SCALES, U)
    Real *linear_adjoint;            // (LINEARS, U, U)
    Real *first_state_adjoint;       // (STATES, rows, U)
};

// --- squashings -----------------------------------------------------------------------------------
// Without branches, so that the compiler works on whole vectors; NaN stays NaN. The largest error over every
// float32 in 1e-6 … 20, against double: tanh 1.4 ulp; sigmoid, from -87 on, 2.5 ulp.

#ifdef DOUBLE
static inline Real sigmoid(Real x) { return 1 / (1 + __builtin_exp(-x)); }
static inline Real tanh(Real x) { return __builtin_tanh(x); }
#else
// e^x for -87.3 < x < 88.3, held there beyond. Coefficients of Cephes' expf.
static inline float exp(float x) {
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float whole = x * 1.44269504f + 12582912.0f;  // x / ln 2, rounded: now in the low bits
    const float power = __builtin_bit_cast(float, (__builtin_bit_cast(int, whole) + 127) << 23);
    whole -= 12582912.0f;
    const float r = x - whole * 0.693145752f - whole * 1.42860677e-6f;
    float p = 1.98756913e-4f;
    p = p * r + 1.39819994e-3f;
    p = p * r + 8.33345205e-3f;
    p = p * r + 4.16657962e-2f;
    p = p * r + 1.66666657e-1f;
    p = p * r + 5.00000012e-1f;
    return (p * r * r + r + 1) * power;
}

static inline float sigmoid(float x) { return 1 / (1 + exp(-x)); }

static inline float tanh(float x) {
    const float square = x * x, size = __builtin_fabsf(x);
    float p = -5.70498872745e-3f;  // for small x; coefficients of Cephes' tanhf
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const float large = __builtin_copysignf(1 - 2 / (1 + exp(2 * size)), x);
    return size < 0.625f ? p * square * x + x : large;
}
#endif

// --- the cell -------------------------------------------------------------------------------------

// CONSTANTS

// The caller's arrays and what lies in its tape and scratch, each row of several blocks a `stride` long.
struct Arrays : Given {
    // In the tape, (time, rows, blocks): values that forward keeps take the place of raw projections.
    Real *projections, *recurrents, *extra;
    Real *arguments, *applied;  // what each application of `linear` was made to, and what came of it
    // In the scratch: packed weights, a packed adjoint.
    Real *packed_inputs, *packed_gates, *packed_recurrents, *packed_linear, *packed_adjoint;
    // In the scratch: adjoints of a chunk's steps, (steps, rows, blocks).
    Real *projections_adjoint, *recurrents_adjoint, *applied_adjoint;
    // In the scratch, for one step: adjoints of its new states, then of those before; and of `arguments`.
    Real *carried, *returned;
    // In the scratch: adjoints of the weights that all rows share, (GATES + BIASES + SCALES, U), of one step and
    // of all.
    Real *sums, *totals;
    // In the scratch: what one product needs.
    Real *product_room;

    // See `Products`.
    void multiply(Left left, long count, const Real *packed, long depth, long columns, Real *to, long to_stride,
                  bool add) const {
        products->multiply(left, count, packed, depth, columns, to, to_stride, add, product_room);
    }
};

// PASSES

// --- the sequence ---------------------------------------------------------------------------------

// How many steps to take together where a product needs no step before it: as many as keep what it reads
// and writes in the cache for the steps' own work.
static long chunk_size(const Sizes &s) { return s.rows < CHUNK ? CHUNK / s.rows : 1; }

// Hands out room from an array; without an array it only counts.
struct Room {
    Real *array;
    long taken = 0;
    Real *take(long numbers) {
        Real *here = array ? array + taken : nullptr;
        taken += (numbers * sizeof(Real) + 63) / 64 * 64 / sizeof(Real);
        return here;
    }
};

static long place_tape(Arrays &a, const Sizes &s) {
    const long all = s.time * s.rows;
    Room room{a.tape};
    a.projections = room.take(all * stride(PROJECTIONS, s.units));
    a.recurrents = room.take(all * stride(RECURRENTS, s.units));
    a.extra = room.take(all * stride(EXTRA, s.units));
    a.arguments = room.take(all * stride(APPLICATIONS, s.units));
    a.applied = room.take(all * stride(APPLICATIONS, s.units));
    return room.taken;
}

static long place_scratch(Arrays &a, const Sizes &s) {
    const long units = s.units, in_chunk = chunk_size(s) * s.rows;
    constexpr long BLOCKS = PROJECTIONS > RECURRENTS ? PROJECTIONS : RECURRENTS, MOST = BLOCKS > 1 ? BLOCKS : 1;
    const long widest = s.inputs > MOST * units ? s.inputs : MOST * units;
    auto either = [](auto size, long one, long other) {
        const long there = size(one, other), back = size(other, one);
        return there > back ? there : back;
    };
    const auto packed_size = a.products->packed_size;
    Room room{a.scratch};
    a.packed_inputs = room.take(either(packed_size, s.inputs, PROJECTIONS * units));
    a.packed_gates = room.take(either(packed_size, units, GATES * units));
    a.packed_recurrents = room.take(either(packed_size, units, RECURRENTS * units));
    a.packed_linear = room.take(LINEARS * packed_size(units, units));
    a.packed_adjoint = room.take(packed_size(in_chunk, MOST * units));
    a.product_room = room.take(either(a.products->room_size, in_chunk, widest));
    a.projections_adjoint = room.take(in_chunk * stride(PROJECTIONS, units));
    a.recurrents_adjoint = room.take(in_chunk * stride(RECURRENTS, units));
    a.applied_adjoint = room.take(in_chunk * stride(APPLICATIONS, units));
    a.carried = room.take(STATES * s.rows * units);
    a.returned = room.take(s.rows * stride(APPLICATIONS, units));
    a.sums = room.take((GATES + BIASES + SCALES) * units);
    a.totals = room.take((GATES + BIASES + SCALES) * units);
    return room.taken;
}

static Arrays place(const Given &given, const Sizes &s) {
    Arrays a{given};
    place_tape(a, s);
    place_scratch(a, s);
    return a;
}

extern "C" long tape_length(const Sizes *s) {
    Arrays none{};
    return place_tape(none, *s);
}

extern "C" long scratch_length(const Sizes *s, const Products *products) {
    Arrays none{};
    none.products = products;
    return place_scratch(none, *s);
}

// Copy numbers to where they are asked for, or zeros if there are none.
static void fill(Real *to, const Real *from, long numbers) {
    if (!to) return;
    if (from) __builtin_memcpy(to, from, numbers * sizeof(Real));
    else __builtin_memset(to, 0, numbers * sizeof(Real));
}

// Pack every weight, as it is for forward, transposed for backward.
static void pack_weights(const Arrays &a, const Sizes &s, bool transposed) {
    const auto packed_size = a.products->packed_size;
    const auto pack = a.products->pack;
    const long units = s.units, all = (GATES + RECURRENTS) * units, square = packed_size(units, units);
    auto packed = [&](const Real *weights, long row, long from, long to, Real *at) {
        if (transposed) pack(weights, 1, row, to, from, at);
        else pack(weights, row, 1, from, to, at);
    };
    if (!a.tokens) packed(a.weight_input, PROJECTIONS * units, s.inputs, PROJECTIONS * units, a.packed_inputs);
    packed(a.weight_recurrent, all, units, GATES * units, a.packed_gates);
    packed(a.weight_recurrent + GATES * units, all, units, RECURRENTS * units, a.packed_recurrents);
    for (long i = 0; i < LINEARS; i++)
        packed(a.linear + i * units * units, units, units, units, a.packed_linear + i * square);
}

// The products that follow a pass: each application's row block `from`, through its weight, to `to`.
static void apply_linear(const Arrays &a, const Sizes &s, const long *after, long pass, const Real *from, Real *to) {
    const long row = stride(APPLICATIONS, s.units), square = a.products->packed_size(s.units, s.units);
    for (long i = 0; i < APPLICATIONS; i++)
        if (after[i] == pass)
            a.multiply({from + i * s.units, row, 1}, s.rows, a.packed_linear + APPLIED[i] * square, s.units, s.units,
                       to + i * s.units, row, false);
}

extern "C" void forward(const Sizes *sizes, const Given *given) {
    const Sizes &s = *sizes;
    const Arrays a = place(*given, s);
    const long units = s.units, rows = s.rows, chunk = chunk_size(s);
    const long p = stride(PROJECTIONS, units), r = stride(RECURRENTS, units), l = stride(APPLICATIONS, units);
    pack_weights(a, s, false);
    for (long i = 0; i < STATES; i++) {
        const Real *first = a.first_state ? a.first_state + i * rows * units : nullptr;
        fill(a.states + i * (s.time + 1) * rows * units, first, rows * units);
    }
    for (long t = 0; t < s.time; t++) {
        const long at = t * rows;
        if (t % chunk == 0) {
            const long count = (t + chunk < s.time ? chunk : s.time - t) * rows;
            if (a.tokens)
                for (long i = at; i < at + count; i++)
                    __builtin_memcpy(a.projections + i * p, a.table + a.tokens[i] * PROJECTIONS * units,
                                     PROJECTIONS * units * sizeof(Real));
            else
                a.multiply({a.inputs + at * s.inputs, s.inputs, 1}, count, a.packed_inputs, s.inputs,
                           PROJECTIONS * units, a.projections + at * p, p, false);
        }
        const Left output = {a.states + at * units, units, 1};
        a.multiply(output, rows, a.packed_gates, units, GATES * units, a.projections + at * p, p, true);
        a.multiply(output, rows, a.packed_recurrents, units, RECURRENTS * units, a.recurrents + at * r, r, false);
        for (long pass = 0; pass < FORWARD_PASSES; pass++) {
            forward_pass(pass, a, s, t, t);
            apply_linear(a, s, FORWARD_PRODUCT_AFTER, pass, a.arguments + at * l, a.applied + at * l);
        }
    }
}

// The adjoints of the inputs and of the weights, from a chunk of steps that begins at row `at`.
static void finish_chunk(const Arrays &a, const Sizes &s, long at, long count, bool add) {
    const auto pack = a.products->pack;
    const long units = s.units, all = (GATES + RECURRENTS) * units;
    const long p = stride(PROJECTIONS, units), r = stride(RECURRENTS, units), l = stride(APPLICATIONS, units);
    if (a.inputs_adjoint)
        a.multiply({a.projections_adjoint, p, 1}, count, a.packed_inputs, PROJECTIONS * units, s.inputs,
                   a.inputs_adjoint + at * s.inputs, s.inputs, false);
    if (a.table_adjoint)
        for (long i = 0; i < count; i++) {
            Real *row = a.table_adjoint + a.tokens[at + i] * PROJECTIONS * units;
            for (long u = 0; u < PROJECTIONS * units; u++) row[u] += a.projections_adjoint[i * p + u];
        }
    pack(a.projections_adjoint, p, 1, count, PROJECTIONS * units, a.packed_adjoint);
    if (a.weight_input_adjoint)
        a.multiply({a.inputs + at * s.inputs, 1, s.inputs}, s.inputs, a.packed_adjoint, count, PROJECTIONS * units,
                   a.weight_input_adjoint, PROJECTIONS * units, add);
    const Left outputs = {a.states + at * units, 1, units};
    if (a.weight_recurrent_adjoint) {
        a.multiply(outputs, units, a.packed_adjoint, count, GATES * units, a.weight_recurrent_adjoint, all, add);
        pack(a.recurrents_adjoint, r, 1, count, RECURRENTS * units, a.packed_adjoint);
        a.multiply(outputs, units, a.packed_adjoint, count, RECURRENTS * units,
                   a.weight_recurrent_adjoint + GATES * units, all, add);
    }
    if (!a.linear_adjoint) return;
    for (long i = 0; i < APPLICATIONS; i++) {
        pack(a.applied_adjoint + i * units, l, 1, count, units, a.packed_adjoint);
        a.multiply({a.arguments + at * l + i * units, 1, l}, units, a.packed_adjoint, count, units,
                   a.linear_adjoint + APPLIED[i] * units * units, units, true);
    }
}

extern "C" void backward(const Sizes *sizes, const Given *given) {
    const Sizes &s = *sizes;
    const Arrays a = place(*given, s);
    const long units = s.units, rows = s.rows, chunk = chunk_size(s);
    const long p = stride(PROJECTIONS, units), r = stride(RECURRENTS, units), l = stride(APPLICATIONS, units);
    constexpr long SHARED = GATES + BIASES + SCALES;
    pack_weights(a, s, true);
    fill(a.carried, a.last_state_adjoint, STATES * rows * units);
    fill(a.sums, nullptr, SHARED * units);
    fill(a.totals, nullptr, SHARED * units);
    fill(a.table_adjoint, nullptr, s.symbols * PROJECTIONS * units);
    fill(a.linear_adjoint, nullptr, LINEARS * units * units);
    for (long t = s.time - 1; t >= 0; t--) {
        const long at = t % chunk * rows;
        for (long pass = 0; pass < BACKWARD_PASSES; pass++) {
            backward_pass(pass, a, s, t, t % chunk);
            apply_linear(a, s, BACKWARD_PRODUCT_AFTER, pass, a.applied_adjoint + at * l, a.returned);
        }
        a.multiply({a.projections_adjoint + at * p, p, 1}, rows, a.packed_gates, GATES * units, units, a.carried, units,
                   true);
        a.multiply({a.recurrents_adjoint + at * r, r, 1}, rows, a.packed_recurrents, RECURRENTS * units, units,
                   a.carried, units, true);
        // Step by step, since one long sum would lose digits.
        for (long i = 0; i < SHARED * units; i++) {
            a.totals[i] += a.sums[i];
            a.sums[i] = 0;
        }
        if (t % chunk == 0) {
            const long steps = t + chunk < s.time ? chunk : s.time - t;
            finish_chunk(a, s, t * rows, steps * rows, t + chunk < s.time);
        }
    }
    fill(a.first_state_adjoint, a.carried, STATES * rows * units);
    fill(a.gate_bias_adjoint, a.totals, GATES * units);
    fill(a.bias_adjoint, a.totals + GATES * units, BIASES * units);
    fill(a.scale_adjoint, a.totals + (GATES + BIASES) * units, SCALES * units);
}
