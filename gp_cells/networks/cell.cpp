// A cell's own part: `cpp.py` puts its constants and passes where the lines CONSTANTS and PASSES are, and sequence.h
// and exponential.h before all.

// --- squashings -----------------------------------------------------------------------------------
// Without branches, so that the compiler works on whole vectors; NaN stays NaN. The largest error over every
// float32 in 1e-6 … 20, against double: tanh 1.4 ulp; sigmoid, from -87 on, 2.5 ulp.

#ifdef DOUBLE
static inline Real sigmoid(Real x) { return 1 / (1 + __builtin_exp(-x)); }
static inline Real tanh(Real x) { return __builtin_tanh(x); }
#else
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

// PASSES

extern "C" const Cell cell = {
    GATES, PROJECTIONS, RECURRENTS, EXTRA, STATES, BIASES, SCALES, LINEARS, APPLICATIONS,
    FORWARD_PASSES, BACKWARD_PASSES,
    APPLIED, FORWARD_PRODUCT_AFTER, BACKWARD_PRODUCT_AFTER,
    forward_pass, backward_pass,
};
