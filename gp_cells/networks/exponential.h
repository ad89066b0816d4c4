// Without branches, so that the compiler works on whole vectors; NaN stays NaN.

#ifdef DOUBLE
static inline Real exp(Real x) { return __builtin_exp(x); }
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
#endif
