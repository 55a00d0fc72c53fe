/**
 * Vectors of W float lanes, so that one source serves every instruction set: W is 4 in WebAssembly, 8 or 16 natively.
 *
 * A lane never mixes with its neighbours, and no sum runs across lanes: the results are the same for every W.
 */
#pragma once

#include <stdint.h>

#ifndef W
#define W 4
#endif

/** A kernel: a function that the module exports under its own name. */
#ifndef EXPORT
#define EXPORT __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))

/** A function that is compiled once, however often it is called: for what is long and called seldom. */
#define ONCE static __attribute__((noinline))

/** For loops over registers, whose bounds are constants. */
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 64")
#endif
/** For loops over memory: an engine's own compiler makes slower code of an unrolled one. */
#ifdef __clang__
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define ROLLED _Pragma("GCC unroll 1")
#endif

typedef float Vec __attribute__((vector_size(4 * W)));
typedef int32_t Bits __attribute__((vector_size(4 * W)));
typedef float UnalignedVec __attribute__((vector_size(4 * W), aligned(4), may_alias));
/** As many doubles as there are floats in a Vec. */
typedef double Wide __attribute__((vector_size(8 * W)));
typedef int64_t WideBits __attribute__((vector_size(8 * W)));
typedef double UnalignedWide __attribute__((vector_size(8 * W), aligned(8), may_alias));

INLINE Vec load(const float *p) { return *(const UnalignedVec *)p; }
INLINE void store(float *p, Vec x) { *(UnalignedVec *)p = x; }
INLINE Vec splat(float x) { return x - (Vec){0}; }
INLINE Vec multiplyAdd(Vec a, Vec b, Vec sum) { return a * b + sum; }

INLINE Wide loadWide(const double *p) { return *(const UnalignedWide *)p; }
INLINE void storeWide(double *p, Wide x) { *(UnalignedWide *)p = x; }
INLINE Wide splatWide(double x) { return x - (Wide){0}; }
INLINE Wide widen(Vec x) { return __builtin_convertvector(x, Wide); }
INLINE Vec narrow(Wide x) { return __builtin_convertvector(x, Vec); }

/** The first `lanes` (1 to W) floats at `p`, and zeros: reads nothing behind them. */
INLINE Vec loadLanes(const float *p, int lanes) {
  if (lanes >= W) return load(p);
  Vec x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i];
  return x;
}

INLINE void storeLanes(float *p, Vec x, int lanes) {
  if (lanes >= W) {
    store(p, x);
    return;
  }
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) p[i] = x[i];
}

/** `a` where the mask's bits are set, `b` where they are not; a comparison of two vectors is such a mask. */
INLINE Vec select(Bits mask, Vec a, Vec b) { return (Vec)(((Bits)a & mask) | ((Bits)b & ~mask)); }
INLINE Vec zeroWhere(Bits mask, Vec x) { return (Vec)((Bits)x & ~mask); }
INLINE Vec absolute(Vec x) { return (Vec)((Bits)x & 0x7fffffff); }

INLINE Wide selectWide(WideBits mask, Wide a, Wide b) {
  return (Wide)(((WideBits)a & mask) | ((WideBits)b & ~mask));
}
INLINE Wide zeroWideWhere(WideBits mask, Wide x) { return (Wide)((WideBits)x & ~mask); }
INLINE Wide absoluteWide(Wide x) { return (Wide)((WideBits)x & INT64_MAX); }

INLINE Vec squareRoots(Vec x) {
#ifdef __clang__
  return __builtin_elementwise_sqrt(x);
#else
  for (int i = 0; i < W; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

INLINE Vec same(Vec x) { return x; }

/** first, first + 1, … in the lanes. */
INLINE Bits laneIndices(int first) {
  Bits x = {0};
  UNROLLED for (int i = 0; i < W; i++) x[i] = first + i;
  return x;
}

/** The smaller and the larger one; a NaN in `x` stays. */
INLINE Vec atMost(Vec limit, Vec x) { return select(limit < x, limit, x); }
INLINE Vec atLeast(Vec limit, Vec x) { return select(x < limit, limit, x); }

/** y = f(x), lane by lane. Shapes: x [n] in, y [n] out; y may be x. */
INLINE void map(Vec (*f)(Vec), const float *x, float *y, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(y + i, f(load(x + i)));
  if (i < n) storeLanes(y + i, f(loadLanes(x + i, n - i)), n - i);
}

/** x [n] = value. */
INLINE void fill(float *x, float value, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(x + i, splat(value));
  for (; i < n; i++) x[i] = value;
}

/** x [n] /= divisor. */
INLINE void divide(float *x, float divisor, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(x + i, load(x + i) / divisor);
  for (; i < n; i++) x[i] /= divisor;
}

INLINE int anyBit(Bits x) {
  int32_t any = 0;
  UNROLLED for (int i = 0; i < W; i++) any |= x[i];
  return any != 0;
}
