/** As many multiplications and additions as the processor takes: what kernels of the same instructions are held against. */
#include "lanes.h"

/** Enough independent sums to hide how long one takes, few enough to stay in registers. */
enum { CHAINS = 12 };

/** Each round is CHAINS multiply-adds of W lanes. The sums tend to term / (1 - factor), and are all in the result. */
EXPORT float multiplyAdds(int rounds, float factor, float term) {
  Vec sums[CHAINS];
  UNROLLED for (int c = 0; c < CHAINS; c++) sums[c] = splat(c);
  ROLLED for (int round = 0; round < rounds; round++) {
    UNROLLED for (int c = 0; c < CHAINS; c++) sums[c] = multiplyAdd(sums[c], splat(factor), splat(term));
  }
  Vec total = {0};
  UNROLLED for (int c = 0; c < CHAINS; c++) total += sums[c];
  float result = 0;
  UNROLLED for (int lane = 0; lane < W; lane++) result += total[lane];
  return result;
}
