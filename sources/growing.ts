/**
 * Files that are read while they are still written to.
 */
import type { Guarantee, Position, Source, SourceReading } from '../src/source.js';

/** A source whose file may grow. */
export interface GrowingSource<G extends Guarantee = Guarantee> extends Source<G> {
  /** The rows of the lines that are whole by now, behind `from`. An unfinished last line waits for its end. */
  readGrown(from: Position | undefined, signal: AbortSignal): SourceReading;
}

export const canGrow = <G extends Guarantee>(source: Source<G>): source is GrowingSource<G> =>
  'readGrown' in source;
