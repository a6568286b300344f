/* One step of the LSTM layer and of the soft window (Graves 2013, eqs. 7 to 11 and 46 to 51), both ways.
 *
 * What hwkit/model/steps.py does with a dozen torch operations a step, fused: each value is read and
 * written once. hwkit/model/native.py compiles this file where there is a compiler, once for each type
 * of the products. Threads share the lines of a batch; no sum goes over lines, so their number does
 * not change a bit. NaNs pass through.
 */
#include <math.h>

#ifdef BFLOAT16
typedef unsigned short real;
static inline float get(real v) {
    union { unsigned u; float f; } w = { (unsigned)v << 16 };
    return w.f;
}
static inline real put(float v) { /* to nearest, ties to even */
    union { float f; unsigned u; } w = { v };
    return (real)((w.u + 0x7fffu + ((w.u >> 16) & 1u)) >> 16);
}
#else
typedef float real;
static inline float get(real v) { return v; }
static inline real put(float v) { return v; }
#endif

/* exp to 2 units in the last place, in operations that compilers turn into vectors: x = n ln 2 + r. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float n = __builtin_rintf(x * 1.44269504f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { int i; float f; } w = { ((int)n + 127) << 23 };
    return p * w.f;
}
static inline float logistic(float x) { return 1.0f / (1.0f + exponential(-x)); }
static inline float tangent(float x) { return 2.0f / (1.0f + exponential(-2.0f * x)) - 1.0f; }
static inline float clamp(float x, float limit) {
    x = x > limit ? limit : x;
    return x < -limit ? -limit : x;
}

/* gates (T, B, 4H) in: input products, out: squashed. sums (B, 4H): recurrent products of step t.
 * bias (4H), peephole (3, H). cell (B, H) is renewed. cells (T + 1, B, H), states (T + 1, B, S),
 * S >= H: their entry t + 1 is written. hidden (B, H): the new hidden state in full precision. */
void forward(long t, long batch, long cells, long width, real *all_gates, const real *all_sums,
             const float *restrict bias, const float *restrict peephole, float *all_cell,
             real *all_cells, real *all_states, float *all_hidden) {
#pragma omp parallel for schedule(static)
    for (long b = 0; b < batch; b++) {
        real *restrict gates = all_gates + (t * batch + b) * 4 * cells;
        const real *restrict sums = all_sums + b * 4 * cells;
        real *restrict kept = all_cells + ((t + 1) * batch + b) * cells;
        real *restrict state = all_states + ((t + 1) * batch + b) * width;
        float *restrict cell = all_cell + b * cells, *restrict hidden = all_hidden + b * cells;
        const long f = cells, o = 2 * cells, g = 3 * cells;
#pragma omp simd
        for (long j = 0; j < cells; j++) {
            float c = cell[j];
            float in = logistic(get(gates[j]) + get(sums[j]) + bias[j] + peephole[j] * c);
            float keep = logistic(get(gates[f + j]) + get(sums[f + j]) + bias[f + j] + peephole[f + j] * c);
            float new = tangent(get(gates[g + j]) + get(sums[g + j]) + bias[g + j]);
            c = keep * c + in * new;
            float out = logistic(get(gates[o + j]) + get(sums[o + j]) + bias[o + j] + peephole[o + j] * c);
            float h = out * tangent(c);
            cell[j] = c, kept[j] = put(c), hidden[j] = h, state[j] = put(h);
            gates[j] = put(in), gates[f + j] = put(keep), gates[o + j] = put(out), gates[g + j] = put(new);
        }
    }
}

/* d_gates (T, B, 4H): entry t is written, the derivatives by the gates' sums. d_out (T, B, H) by the
 * hidden states from above, d_state (B, S) from the step after, d_more (B, H) from the window or NULL.
 * d_cell (B, H) is renewed. */
void backward(long t, long batch, long cells, long width, const real *all_gates, const real *all_cells,
              const real *all_d_out, const real *all_d_state, const float *all_d_more,
              const float *restrict peephole, float limit, float *all_d_cell, real *all_d_gates) {
#pragma omp parallel for schedule(static)
    for (long b = 0; b < batch; b++) {
        const real *restrict gates = all_gates + (t * batch + b) * 4 * cells;
        const real *restrict before = all_cells + (t * batch + b) * cells;
        const real *restrict after = all_cells + ((t + 1) * batch + b) * cells;
        const real *restrict d_out = all_d_out + (t * batch + b) * cells;
        const real *restrict d_state = all_d_state + b * width;
        const float *restrict d_more = all_d_more ? all_d_more + b * cells : peephole; /* any, times nothing */
        float *restrict d_cell = all_d_cell + b * cells;
        real *restrict d_gates = all_d_gates + (t * batch + b) * 4 * cells;
        const long f = cells, o = 2 * cells, g = 3 * cells;
        const float more = all_d_more ? 1.0f : 0.0f;
#pragma omp simd
        for (long j = 0; j < cells; j++) {
            float in = get(gates[j]), keep = get(gates[f + j]), out = get(gates[o + j]);
            float new = get(gates[g + j]), c = get(before[j]), squashed = tangent(get(after[j]));
            float d_hidden = get(d_out[j]) + get(d_state[j]) + more * d_more[j];
            float d_o = clamp(d_hidden * squashed * out * (1.0f - out), limit);
            float d_c = d_cell[j] + d_hidden * out * (1.0f - squashed * squashed) + d_o * peephole[o + j];
            float d_i = clamp(d_c * new * in * (1.0f - in), limit);
            float d_f = clamp(d_c * c * keep * (1.0f - keep), limit);
            float d_g = clamp(d_c * in * (1.0f - new * new), limit);
            d_cell[j] = d_c * keep + d_i * peephole[j] + d_f * peephole[f + j];
            d_gates[j] = put(d_i), d_gates[f + j] = put(d_f), d_gates[o + j] = put(d_o);
            d_gates[g + j] = put(d_g);
        }
    }
}

/* The window at step t: raws (T, B, 3K) -> kappas (T + 1, B, K), phis (T, B, U) and the last V of
 * states (T + 1, B, S). places (B, U): the class at each place of the text, -1 for padding. */
void look(long t, long batch, long components, long length, long classes, long width,
          const float *all_raws, const int *all_places, float *all_kappas, float *all_phis,
          real *all_states) {
#pragma omp parallel for schedule(static)
    for (long b = 0; b < batch; b++) {
        const float *raw = all_raws + (t * batch + b) * 3 * components;
        const float *before = all_kappas + (t * batch + b) * components;
        const int *places = all_places + b * length;
        float *kappa = all_kappas + ((t + 1) * batch + b) * components;
        float *restrict phi = all_phis + (t * batch + b) * length;
        real *window = all_states + ((t + 1) * batch + b + 1) * width - classes;
        float sums[classes];
        for (long u = 0; u < length; u++) phi[u] = 0.0f;
        for (long k = 0; k < components; k++) {
            float alpha = exponential(raw[k]), beta = exponential(raw[components + k]);
            float at = kappa[k] = before[k] + exponential(raw[2 * components + k]);
#pragma omp simd
            for (long u = 0; u < length; u++) {
                float distance = at - (float)(u + 1);
                phi[u] += alpha * exponential(-beta * distance * distance);
            }
        }
        for (long v = 0; v < classes; v++) sums[v] = 0.0f;
        for (long u = 0; u < length; u++)
            if (places[u] >= 0) sums[places[u]] += phi[u];
        for (long v = 0; v < classes; v++) window[v] = put(sums[v]);
    }
}

/* Its derivatives (eqs. 56 to 60): d_windows (T, B, V) from above, the last V of d_state (B, S) from the
 * step after; d_kappa (B, K) is renewed, entry t of d_raws (T, B, 3K) written. */
void look_back(long t, long batch, long components, long length, long classes, long width,
               const float *all_raws, const int *all_places, const float *all_kappas,
               const real *all_d_windows, const real *all_d_state, float *all_d_kappa, float *all_d_raws) {
#pragma omp parallel for schedule(static)
    for (long b = 0; b < batch; b++) {
        const float *raw = all_raws + (t * batch + b) * 3 * components;
        const float *kappa = all_kappas + ((t + 1) * batch + b) * components;
        const int *places = all_places + b * length;
        const real *above = all_d_windows + (t * batch + b) * classes;
        const real *later = all_d_state + (b + 1) * width - classes;
        float *d_kappa = all_d_kappa + b * components;
        float *d_raw = all_d_raws + (t * batch + b) * 3 * components;
        float d_phi[length];
        for (long u = 0; u < length; u++)
            d_phi[u] = places[u] < 0 ? 0.0f : get(above[places[u]]) + get(later[places[u]]);
        for (long k = 0; k < components; k++) {
            float alpha = exponential(raw[k]), beta = exponential(raw[components + k]);
            float share = 0.0f, moved = 0.0f, spread = 0.0f;
#pragma omp simd reduction(+ : share, moved, spread)
            for (long u = 0; u < length; u++) {
                float distance = kappa[k] - (float)(u + 1);
                float e = alpha * exponential(-beta * distance * distance) * d_phi[u];
                share += e, moved += e * distance, spread += e * distance * distance;
            }
            d_kappa[k] -= 2.0f * beta * moved;
            d_raw[k] = share;
            d_raw[components + k] = -beta * spread;
            d_raw[2 * components + k] = exponential(raw[2 * components + k]) * d_kappa[k];
        }
    }
}
