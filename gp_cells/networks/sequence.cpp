// A recurrent layer over a whole sequence, forward and backward, for any cell: products, and the cell's passes
// between them. `cpp.py` puts sequence.h and a kind of products before it. One thread; the same numbers in the same
// order give the same bits.

constexpr long CHUNK = 256;  // rows, see `chunk_size`

static void multiply(const Arrays &a, Left left, long rows, const Real *packed, long depth, long columns, Real *to,
                     long stride, bool add) {
    multiply(left, rows, packed, depth, columns, to, stride, add, a.product_room);
}

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
    const Cell &c = *a.cell;
    const long all = s.time * s.rows;
    Room room{a.tape};
    a.projections = room.take(all * stride(c.projections, s.units));
    a.recurrents = room.take(all * stride(c.recurrents, s.units));
    a.extra = room.take(all * stride(c.extra, s.units));
    a.arguments = room.take(all * stride(c.applications, s.units));
    a.applied = room.take(all * stride(c.applications, s.units));
    return room.taken;
}

static long place_scratch(Arrays &a, const Sizes &s) {
    const Cell &c = *a.cell;
    const long units = s.units, in_chunk = chunk_size(s) * s.rows;
    const long blocks = c.projections > c.recurrents ? c.projections : c.recurrents, most = blocks > 1 ? blocks : 1;
    const long widest = s.inputs > most * units ? s.inputs : most * units;
    auto either = [](auto size, long one, long other) {
        const long there = size(one, other), back = size(other, one);
        return there > back ? there : back;
    };
    Room room{a.scratch};
    a.packed_inputs = room.take(either(packed_size, s.inputs, c.projections * units));
    a.packed_gates = room.take(either(packed_size, units, c.gates * units));
    a.packed_recurrents = room.take(either(packed_size, units, c.recurrents * units));
    a.packed_linear = room.take(c.linears * packed_size(units, units));
    a.packed_adjoint = room.take(packed_size(in_chunk, most * units));
    a.product_room = room.take(either(room_size, in_chunk, widest));
    a.projections_adjoint = room.take(in_chunk * stride(c.projections, units));
    a.recurrents_adjoint = room.take(in_chunk * stride(c.recurrents, units));
    a.applied_adjoint = room.take(in_chunk * stride(c.applications, units));
    a.carried = room.take(c.states * s.rows * units);
    a.returned = room.take(s.rows * stride(c.applications, units));
    a.sums = room.take((c.gates + c.biases + c.scales) * units);
    a.totals = room.take((c.gates + c.biases + c.scales) * units);
    return room.taken;
}

static Arrays place(const Given &given, const Sizes &s) {
    Arrays a{given};
    place_tape(a, s);
    place_scratch(a, s);
    return a;
}

extern "C" long tape_length(const Sizes *s, const Cell *cell) {
    Arrays none{};
    none.cell = cell;
    return place_tape(none, *s);
}

extern "C" long scratch_length(const Sizes *s, const Cell *cell) {
    Arrays none{};
    none.cell = cell;
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
    const Cell &c = *a.cell;
    const long units = s.units, all = (c.gates + c.recurrents) * units, square = packed_size(units, units);
    auto packed = [&](const Real *weights, long row, long from, long to, Real *at) {
        if (transposed) pack(weights, 1, row, to, from, at);
        else pack(weights, row, 1, from, to, at);
    };
    if (!a.tokens) packed(a.weight_input, c.projections * units, s.inputs, c.projections * units, a.packed_inputs);
    packed(a.weight_recurrent, all, units, c.gates * units, a.packed_gates);
    packed(a.weight_recurrent + c.gates * units, all, units, c.recurrents * units, a.packed_recurrents);
    for (long i = 0; i < c.linears; i++)
        packed(a.linear + i * units * units, units, units, units, a.packed_linear + i * square);
}

// The products that follow a pass: each application's row block `from`, through its weight, to `to`.
static void apply_linear(const Arrays &a, const Sizes &s, const long *after, long pass, const Real *from, Real *to) {
    const Cell &c = *a.cell;
    const long row = stride(c.applications, s.units), square = packed_size(s.units, s.units);
    for (long i = 0; i < c.applications; i++)
        if (after[i] == pass)
            multiply(a, {from + i * s.units, row, 1}, s.rows, a.packed_linear + c.applied[i] * square, s.units, s.units,
                     to + i * s.units, row, false);
}

extern "C" void forward(const Sizes *sizes, const Given *given) {
    const Sizes &s = *sizes;
    const Arrays a = place(*given, s);
    const Cell &c = *a.cell;
    const long units = s.units, rows = s.rows, chunk = chunk_size(s);
    const long p = stride(c.projections, units), r = stride(c.recurrents, units), l = stride(c.applications, units);
    pack_weights(a, s, false);
    for (long i = 0; i < c.states; i++) {
        const Real *first = a.first_state ? a.first_state + i * rows * units : nullptr;
        fill(a.states + i * (s.time + 1) * rows * units, first, rows * units);
    }
    for (long t = 0; t < s.time; t++) {
        const long at = t * rows;
        if (t % chunk == 0) {
            const long count = (t + chunk < s.time ? chunk : s.time - t) * rows;
            if (a.tokens)
                for (long i = at; i < at + count; i++)
                    __builtin_memcpy(a.projections + i * p, a.table + a.tokens[i] * c.projections * units,
                                     c.projections * units * sizeof(Real));
            else
                multiply(a, {a.inputs + at * s.inputs, s.inputs, 1}, count, a.packed_inputs, s.inputs,
                         c.projections * units, a.projections + at * p, p, false);
        }
        const Left output = {a.states + at * units, units, 1};
        multiply(a, output, rows, a.packed_gates, units, c.gates * units, a.projections + at * p, p, true);
        multiply(a, output, rows, a.packed_recurrents, units, c.recurrents * units, a.recurrents + at * r, r, false);
        for (long pass = 0; pass < c.forward_passes; pass++) {
            c.forward_pass(pass, a, s, t, t);
            apply_linear(a, s, c.forward_product_after, pass, a.arguments + at * l, a.applied + at * l);
        }
    }
}

// The adjoints of the inputs and of the weights, from a chunk of steps that begins at row `at`.
static void finish_chunk(const Arrays &a, const Sizes &s, long at, long count, bool add) {
    const Cell &c = *a.cell;
    const long units = s.units, all = (c.gates + c.recurrents) * units;
    const long p = stride(c.projections, units), r = stride(c.recurrents, units), l = stride(c.applications, units);
    if (a.inputs_adjoint)
        multiply(a, {a.projections_adjoint, p, 1}, count, a.packed_inputs, c.projections * units, s.inputs,
                 a.inputs_adjoint + at * s.inputs, s.inputs, false);
    if (a.table_adjoint)
        for (long i = 0; i < count; i++) {
            Real *row = a.table_adjoint + a.tokens[at + i] * c.projections * units;
            for (long u = 0; u < c.projections * units; u++) row[u] += a.projections_adjoint[i * p + u];
        }
    pack(a.projections_adjoint, p, 1, count, c.projections * units, a.packed_adjoint);
    if (a.weight_input_adjoint)
        multiply(a, {a.inputs + at * s.inputs, 1, s.inputs}, s.inputs, a.packed_adjoint, count, c.projections * units,
                 a.weight_input_adjoint, c.projections * units, add);
    const Left outputs = {a.states + at * units, 1, units};
    if (a.weight_recurrent_adjoint) {
        multiply(a, outputs, units, a.packed_adjoint, count, c.gates * units, a.weight_recurrent_adjoint, all, add);
        pack(a.recurrents_adjoint, r, 1, count, c.recurrents * units, a.packed_adjoint);
        multiply(a, outputs, units, a.packed_adjoint, count, c.recurrents * units,
                 a.weight_recurrent_adjoint + c.gates * units, all, add);
    }
    if (!a.linear_adjoint) return;
    for (long i = 0; i < c.applications; i++) {
        pack(a.applied_adjoint + i * units, l, 1, count, units, a.packed_adjoint);
        multiply(a, {a.arguments + at * l + i * units, 1, l}, units, a.packed_adjoint, count, units,
                 a.linear_adjoint + c.applied[i] * units * units, units, true);
    }
}

extern "C" void backward(const Sizes *sizes, const Given *given) {
    const Sizes &s = *sizes;
    const Arrays a = place(*given, s);
    const Cell &c = *a.cell;
    const long units = s.units, rows = s.rows, chunk = chunk_size(s);
    const long p = stride(c.projections, units), r = stride(c.recurrents, units), l = stride(c.applications, units);
    const long shared = c.gates + c.biases + c.scales;
    pack_weights(a, s, true);
    fill(a.carried, a.last_state_adjoint, c.states * rows * units);
    fill(a.sums, nullptr, shared * units);
    fill(a.totals, nullptr, shared * units);
    fill(a.table_adjoint, nullptr, s.symbols * c.projections * units);
    fill(a.linear_adjoint, nullptr, c.linears * units * units);
    for (long t = s.time - 1; t >= 0; t--) {
        const long at = t % chunk * rows;
        for (long pass = 0; pass < c.backward_passes; pass++) {
            c.backward_pass(pass, a, s, t, t % chunk);
            apply_linear(a, s, c.backward_product_after, pass, a.applied_adjoint + at * l, a.returned);
        }
        multiply(a, {a.projections_adjoint + at * p, p, 1}, rows, a.packed_gates, c.gates * units, units, a.carried,
                 units, true);
        multiply(a, {a.recurrents_adjoint + at * r, r, 1}, rows, a.packed_recurrents, c.recurrents * units, units,
                 a.carried, units, true);
        // Step by step, since one long sum would lose digits.
        for (long i = 0; i < shared * units; i++) {
            a.totals[i] += a.sums[i];
            a.sums[i] = 0;
        }
        if (t % chunk == 0) {
            const long steps = t + chunk < s.time ? chunk : s.time - t;
            finish_chunk(a, s, t * rows, steps * rows, t + chunk < s.time);
        }
    }
    fill(a.first_state_adjoint, a.carried, c.states * rows * units);
    fill(a.gate_bias_adjoint, a.totals, c.gates * units);
    fill(a.bias_adjoint, a.totals + c.gates * units, c.biases * units);
    fill(a.scale_adjoint, a.totals + (c.gates + c.biases) * units, c.scales * units);
}
