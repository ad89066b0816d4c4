// What a cell's passes and the loops around them share: numbers and arrays. The loops are compiled once for all
// cells and know a cell by its `Cell`. Arrays are row-major, their last axis contiguous; U stands for units, and
// GATES and so on for the numbers in `Cell`.

#ifdef DOUBLE
using Real = double;
#else
using Real = float;
#endif

// From one row to the next in arrays of several blocks of `units`: an odd number of cache lines, since
// rows that are a power of two apart would share few places in the cache.
static inline long stride(long blocks, long units) {
    return ((blocks * units * sizeof(Real) + 63) / 64 | 1) * 64 / sizeof(Real);
}

// --- what the caller hands in ---------------------------------------------------------------------

struct Sizes {
    long time, rows, units, inputs, symbols;
};

struct Cell;

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
    const Cell *cell;
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

// --- what the loops add ---------------------------------------------------------------------------

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
};

// --- the cell -------------------------------------------------------------------------------------

// One step's pass of some number: t counts the steps from the first, t_in_chunk those since a chunk began.
using DoPass = void (*)(long pass, const Arrays &a, const Sizes &s, long t, long t_in_chunk);

struct Cell {
    long gates, projections, recurrents, extra, states, biases, scales, linears, applications;
    long forward_passes, backward_passes;
    const long *applied;  // the weight of each application of `linear`
    const long *forward_product_after, *backward_product_after;  // the pass after which an application is made
    DoPass forward_pass, backward_pass;
};
