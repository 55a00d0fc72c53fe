/**
 * A Chunkwise operator in a plain RxJS chain: sensor readings in batches, smoothed by a memory that fades.
 *
 * Prints:
 *   [ 10 ]
 *   [ 10, 10 ]
 *   [ 13.29, 15.22 ]
 */

import { f32, fromColumns, lightningAttention } from 'chunkwise';
import { from, map } from 'rxjs';

const readings = [[10], [10, 10], [20, 20]].map((values) => {
  const ones = new Float32Array(values.length).fill(1);
  const pairs = Float32Array.from(values.flatMap((value) => [value, 1]));
  return fromColumns({
    q: { type: f32(1), values: ones },
    k: { type: f32(1), values: ones },
    v: { type: f32(2), values: pairs },
  });
});

const smooth = lightningAttention({ keyDim: 1, valueDim: 2, slopes: [0.2] });

from(readings)
  .pipe(
    smooth,
    map((batch) =>
      Array.from(batch.getChild('o')!, (sumAndWeight) => sumAndWeight!.get(0)! / sumAndWeight!.get(1)!),
    ),
  )
  .subscribe((averages) => console.log(averages.map((average) => Number(average.toFixed(2)))));
