// A cell's own part: `cpp.py` puts its constants and passes where the lines CONSTANTS and PASSES are, and sequence.h
// before all.

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

// PASSES

extern "C" const Cell cell = {
    GATES, PROJECTIONS, RECURRENTS, EXTRA, STATES, BIASES, SCALES, LINEARS, APPLICATIONS,
    FORWARD_PASSES, BACKWARD_PASSES,
    APPLIED, FORWARD_PRODUCT_AFTER, BACKWARD_PRODUCT_AFTER,
    forward_pass, backward_pass,
};
