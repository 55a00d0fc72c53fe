/**
 * Complex numbers that fade and turn: x e^(a + i b).
 */
#pragma once

#include "scan.h"

typedef struct {
  Vec re, im;
} Complex;

#define HALF_PI 1.57079633f
/** sin b and cos b - 1, |b| <= pi / 4. */
INLINE Vec sinOfSmall(Vec b) {
  const Vec square = b * b;
  Vec p = splat(-1.9515295891e-4f);
  p = multiplyAdd(p, square, splat(8.3321608736e-3f));
  p = multiplyAdd(p, square, splat(-1.6666654611e-1f));
  return multiplyAdd(p, square * b, b);
}

INLINE Vec cosMinusOneOfSmall(Vec b) {
  const Vec square = b * b;
  Vec p = splat(2.443315711809948e-5f);
  p = multiplyAdd(p, square, splat(-1.388731625493765e-3f));
  p = multiplyAdd(p, square, splat(4.166664568298827e-2f));
  return multiplyAdd(p, square * square, square * -0.5f);
}

/** x i^q. */
INLINE Complex quarterTurns(Complex x, Bits q) {
  const Bits odd = -(q & 1);
  const Vec re = select(odd, x.im, x.re), im = select(odd, x.re, x.im);
  return (Complex){(Vec)((Bits)re ^ (((q + 1) & 2) << 30)), (Vec)((Bits)im ^ ((q & 2) << 30))};
}

/**
 * 2^e i^quarters x. Whole quarters of a turn are taken off in float64 and applied by exchanging re and im; what is left
 * is applied as x + x small, so that a mode which hardly fades and hardly turns keeps all its digits.
 */
INLINE Complex fadeAndRotate(Complex x, Vec e, Wide quarters) {
  const Wide rounded = quarters + ROUNDER_64;
  const Bits q = __builtin_convertvector((WideBits)rounded, Bits);
  const Vec b = narrow(quarters - (rounded - ROUNDER_64)) * HALF_PI;
  const Factor factor = factorOf(e);
  const Vec sine = sinOfSmall(b), cosine = cosMinusOneOfSmall(b);
  const Vec re = factor.small + cosine + factor.small * cosine;
  const Vec im = sine + factor.small * sine;
  const Complex turned = {
      (x.re + (re * x.re - im * x.im)) * factor.power,
      (x.im + (re * x.im + im * x.re)) * factor.power,
  };
  const Complex kept = {zeroWhere(factor.none, turned.re), zeroWhere(factor.none, turned.im)};
  return quarterTurns(kept, q);
}
