// The words of decoder blocks that are loops over time, forward and backward; `loops.py` hands them torch's arrays,
// sequence.h and exponential.h come before all. Arrays are row-major, their last axis contiguous. Backward knows
// states only at every CHUNK-th step and makes the others again; what it adds to has to be zero before.

constexpr long CHUNK = 16;

// --- h_t = a_t h_(t-1) + b_t ----------------------------------------------------------------------
// a, b, h (rows, time, width); first (rows, width).

extern "C" void scan_forward(long rows, long time, long width, const Real *a, const Real *b, const Real *first,
                             Real *h) {
    for (long row = 0; row < rows; row++) {
        const Real *before = first + row * width;
        for (long t = 0; t < time; t++) {
            const long at = (row * time + t) * width;
#pragma GCC ivdep
            for (long u = 0; u < width; u++) h[at + u] = a[at + u] * before[u] + b[at + u];
            before = h + at;
        }
    }
}

// `carry` (rows, width) comes in as the adjoint of the last state, and goes out as that of the first.
extern "C" void scan_backward(long rows, long time, long width, const Real *a, const Real *first, const Real *h,
                              const Real *of_h, Real *of_a, Real *of_b, Real *carry) {
    for (long row = 0; row < rows; row++) {
        Real *sum = carry + row * width;
        for (long t = time; t-- > 0;) {
            const long at = (row * time + t) * width;
            const Real *before = t ? h + at - width : first + row * width;
#pragma GCC ivdep
            for (long u = 0; u < width; u++) {
                const Real adjoint = of_h[at + u] + sum[u];
                of_b[at + u] = adjoint;
                of_a[at + u] = adjoint * before[u];
                sum[u] = adjoint * a[at + u];
            }
        }
    }
}

// --- y_t = S_t' q_t -------------------------------------------------------------------------------
// q, k, v (rows, time, K), S (rows, K, K); kept (rows, chunks, K, K) are the states that chunks begin with.
// Gated: S_t = diag(g_t) S_(t-1) + k_t v_t', g (rows, time, K). Delta: S = g_t S_(t-1), and
// S_t = S + k_t b_t (v_t - S' k_t)', b and g (rows, time).

struct Matrix {
    const Real *q, *k, *v, *b, *g;
};

static inline long chunks_of(long time) { return (time + CHUNK - 1) / CHUNK; }

static void gated_step(long K, const Matrix &m, long t, const Real *from, Real *to) {
    const Real *k = m.k + t * K, *v = m.v + t * K, *g = m.g + t * K;
    for (long i = 0; i < K; i++) {
#pragma GCC ivdep
        for (long j = 0; j < K; j++) to[i * K + j] = g[i] * from[i * K + j] + k[i] * v[j];
    }
}

// `missing` (K) is v - S' k.
static void delta_step(long K, const Matrix &m, long t, const Real *from, Real *to, Real *missing) {
    const Real *k = m.k + t * K, *v = m.v + t * K, b = m.b[t], g = m.g[t];
    for (long j = 0; j < K; j++) missing[j] = v[j];
    for (long i = 0; i < K; i++) {
#pragma GCC ivdep
        for (long j = 0; j < K; j++) missing[j] -= k[i] * g * from[i * K + j];
    }
    for (long i = 0; i < K; i++) {
#pragma GCC ivdep
        for (long j = 0; j < K; j++) to[i * K + j] = g * from[i * K + j] + k[i] * b * missing[j];
    }
}

static void read_state(long K, const Real *q, const Real *state, Real *y) {
    for (long j = 0; j < K; j++) y[j] = 0;
    for (long i = 0; i < K; i++) {
#pragma GCC ivdep
        for (long j = 0; j < K; j++) y[j] += q[i] * state[i * K + j];
    }
}

static inline Real dot(long K, const Real *one, const Real *other) {
    Real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (long j = 0; j < K; j++) sum += one[j] * other[j];
    return sum;
}

static void copy(long count, const Real *from, Real *to) {
    for (long i = 0; i < count; i++) to[i] = from[i];
}

static Matrix of_row(const Matrix &m, long row, long time, long K, bool is_delta) {
    const long vectors = row * time * K, numbers = row * time;
    return {m.q + vectors, m.k + vectors, m.v + vectors, is_delta ? m.b + numbers : m.b,
            m.g + (is_delta ? numbers : vectors)};
}

// `state` (rows, K, K) comes in as the first and goes out as the last; `room` has K numbers.
static void matrix_forward(bool is_delta, long rows, long time, long K, const Matrix &all, Real *state, Real *kept,
                           Real *y, Real *room) {
    for (long row = 0; row < rows; row++) {
        const Matrix m = of_row(all, row, time, K, is_delta);
        Real *own = state + row * K * K;
        for (long t = 0; t < time; t++) {
            if (t % CHUNK == 0) copy(K * K, own, kept + (row * chunks_of(time) + t / CHUNK) * K * K);
            if (is_delta) delta_step(K, m, t, own, own, room);
            else gated_step(K, m, t, own, own);
            read_state(K, m.q + t * K, own, y + (row * time + t) * K);
        }
    }
}

struct Adjoints {
    Real *q, *k, *v, *b, *g;
};

// One step back: `sum` is the adjoint of the state after the step, and then of that before.
static void gated_back(long K, const Matrix &m, const Adjoints &to, long t, const Real *before, Real *sum) {
    const Real *k = m.k + t * K, *v = m.v + t * K, *g = m.g + t * K;
    Real *of_v = to.v + t * K;
    for (long i = 0; i < K; i++) {
        Real *row = sum + i * K;
        to.k[t * K + i] = dot(K, row, v);
        to.g[t * K + i] = dot(K, row, before + i * K);
#pragma GCC ivdep
        for (long j = 0; j < K; j++) {
            of_v[j] += row[j] * k[i];
            row[j] *= g[i];
        }
    }
}

// `room` has 2 K numbers.
static void delta_back(long K, const Matrix &m, const Adjoints &to, long t, const Real *before, Real *sum, Real *room) {
    const Real *k = m.k + t * K, *v = m.v + t * K, b = m.b[t], g = m.g[t];
    Real *of_v = to.v + t * K, *missing = room, *of_added = room + K;
    for (long j = 0; j < K; j++) missing[j] = v[j], of_added[j] = 0;
    for (long i = 0; i < K; i++) {
#pragma GCC ivdep
        for (long j = 0; j < K; j++) {
            missing[j] -= k[i] * g * before[i * K + j];
            of_added[j] += sum[i * K + j] * k[i];
        }
    }
    to.b[t] = dot(K, of_added, missing);
    for (long j = 0; j < K; j++) of_v[j] = b * of_added[j];
    Real of_g = 0;
    for (long i = 0; i < K; i++) {
        Real *row = sum + i * K;
        const Real *old = before + i * K;
        to.k[t * K + i] = b * dot(K, row, missing) - g * dot(K, of_v, old);
#pragma GCC ivdep
        for (long j = 0; j < K; j++) row[j] -= k[i] * of_v[j];
        of_g += dot(K, row, old);
#pragma GCC ivdep
        for (long j = 0; j < K; j++) row[j] *= g;
    }
    to.g[t] = of_g;
}

// `carry` (rows, K, K) comes in as the adjoint of the last state, and goes out as that of the first; `room` has
// (CHUNK + 1) K² + 2 K numbers.
static void matrix_backward(bool is_delta, long rows, long time, long K, const Matrix &all, const Real *kept,
                            const Real *of_y, const Adjoints &all_to, Real *carry, Real *room) {
    Real *states = room, *rest = room + (CHUNK + 1) * K * K;
    for (long row = 0; row < rows; row++) {
        const Matrix m = of_row(all, row, time, K, is_delta);
        const long vectors = row * time * K, numbers = row * time;
        const Adjoints to = {all_to.q + vectors, all_to.k + vectors, all_to.v + vectors,
                             is_delta ? all_to.b + numbers : all_to.b, all_to.g + (is_delta ? numbers : vectors)};
        Real *sum = carry + row * K * K;
        for (long chunk = chunks_of(time); chunk-- > 0;) {
            const long start = chunk * CHUNK, end = start + CHUNK < time ? start + CHUNK : time;
            copy(K * K, kept + (row * chunks_of(time) + chunk) * K * K, states);
            for (long t = start; t < end; t++) {
                Real *from = states + (t - start) * K * K;
                if (is_delta) delta_step(K, m, t, from, from + K * K, rest);
                else gated_step(K, m, t, from, from + K * K);
            }
            for (long t = end; t-- > start;) {
                const Real *before = states + (t - start) * K * K, *after = before + K * K;
                const Real *adjoint = of_y + vectors + t * K, *q = m.q + t * K;
                for (long i = 0; i < K; i++) {
                    to.q[t * K + i] = dot(K, after + i * K, adjoint);
#pragma GCC ivdep
                    for (long j = 0; j < K; j++) sum[i * K + j] += q[i] * adjoint[j];
                }
                if (is_delta) delta_back(K, m, to, t, before, sum, rest);
                else gated_back(K, m, to, t, before, sum);
            }
        }
    }
}

extern "C" long room_of(long K) { return (CHUNK + 1) * K * K + 2 * K; }
extern "C" long chunks(long time) { return chunks_of(time); }

extern "C" void state_forward(long rows, long time, long K, const Real *q, const Real *k, const Real *v, const Real *g,
                              Real *state, Real *kept, Real *y, Real *room) {
    matrix_forward(false, rows, time, K, {q, k, v, nullptr, g}, state, kept, y, room);
}

extern "C" void state_backward(long rows, long time, long K, const Real *q, const Real *k, const Real *v,
                               const Real *g, const Real *kept, const Real *of_y, Real *of_q, Real *of_k, Real *of_v,
                               Real *of_g, Real *carry, Real *room) {
    matrix_backward(false, rows, time, K, {q, k, v, nullptr, g}, kept, of_y, {of_q, of_k, of_v, nullptr, of_g}, carry,
                    room);
}

extern "C" void delta_forward(long rows, long time, long K, const Real *q, const Real *k, const Real *v, const Real *b,
                              const Real *g, Real *state, Real *kept, Real *y, Real *room) {
    matrix_forward(true, rows, time, K, {q, k, v, b, g}, state, kept, y, room);
}

extern "C" void delta_backward(long rows, long time, long K, const Real *q, const Real *k, const Real *v, const Real *b,
                               const Real *g, const Real *kept, const Real *of_y, Real *of_q, Real *of_k, Real *of_v,
                               Real *of_b, Real *of_g, Real *carry, Real *room) {
    matrix_backward(true, rows, time, K, {q, k, v, b, g}, kept, of_y, {of_q, of_k, of_v, of_b, of_g}, carry, room);
}

// --- Mamba's selective scan -----------------------------------------------------------------------
// h_t = exp(s_t r) h_(t-1) + s_t x_t b_t', y_t = h_t c_t; x, s (rows, time, width), b, c (rows, time, N),
// r (width, N), h (rows, width, N), kept (rows, chunks, width, N).

constexpr long N = 16;

static void select_step(long width, const Real *x, const Real *s, const Real *b, const Real *r, const Real *from,
                        Real *to) {
    for (long u = 0; u < width; u++) {
        const Real added = s[u] * x[u];
#pragma GCC ivdep
        for (long n = 0; n < N; n++) to[u * N + n] = exp(s[u] * r[u * N + n]) * from[u * N + n] + added * b[n];
    }
}

extern "C" void select_forward(long rows, long time, long width, const Real *x, const Real *s, const Real *b,
                               const Real *c, const Real *r, Real *state, Real *kept, Real *y) {
    const long size = width * N;
    for (long row = 0; row < rows; row++) {
        Real *own = state + row * size;
        for (long t = 0; t < time; t++) {
            const long at = (row * time + t) * width, code = (row * time + t) * N;
            if (t % CHUNK == 0) copy(size, own, kept + (row * chunks_of(time) + t / CHUNK) * size);
            select_step(width, x + at, s + at, b + code, r, own, own);
            for (long u = 0; u < width; u++) y[at + u] = dot(N, own + u * N, c + code);
        }
    }
}

// `room` has (CHUNK + 1) width N numbers; to `of_r` is added, `of_b` and `of_c` are zero.
extern "C" void select_backward(long rows, long time, long width, const Real *x, const Real *s, const Real *b,
                                const Real *c, const Real *r, const Real *kept, const Real *of_y, Real *of_x,
                                Real *of_s, Real *of_b, Real *of_c, Real *of_r, Real *carry, Real *room) {
    const long size = width * N;
    for (long row = 0; row < rows; row++) {
        Real *sum = carry + row * size;
        for (long chunk = chunks_of(time); chunk-- > 0;) {
            const long start = chunk * CHUNK, end = start + CHUNK < time ? start + CHUNK : time;
            copy(size, kept + (row * chunks_of(time) + chunk) * size, room);
            for (long t = start; t < end; t++) {
                const long at = (row * time + t) * width;
                Real *from = room + (t - start) * size;
                select_step(width, x + at, s + at, b + (row * time + t) * N, r, from, from + size);
            }
            for (long t = end; t-- > start;) {
                const long at = (row * time + t) * width, code = (row * time + t) * N;
                const Real *before = room + (t - start) * size, *after = before + size;
                for (long u = 0; u < width; u++) {
                    const Real adjoint = of_y[at + u], span = s[at + u], value = x[at + u];
                    Real of_added = 0, of_span = 0;
#pragma omp simd reduction(+ : of_added, of_span)
                    for (long n = 0; n < N; n++) {
                        const long i = u * N + n;
                        const Real decay = exp(span * r[i]), of_state = sum[i] + adjoint * c[code + n];
                        const Real of_log = of_state * before[i] * decay;
                        of_c[code + n] += adjoint * after[i];
                        of_b[code + n] += of_state * span * value;
                        of_added += of_state * b[code + n];
                        of_span += of_log * r[i];
                        of_r[i] += of_log * span;
                        sum[i] = of_state * decay;
                    }
                    of_x[at + u] = of_added * span;
                    of_s[at + u] = of_added * value + of_span;
                }
            }
        }
    }
}
