/**
 * Flows as files: YAML that names sources, steps and sinks as TypeScript would.
 */
import type { Dataflow } from '../dataflow.js';
import { checkFlow } from './check-flow.js';
import { FlowText, type References } from './flow-text.js';
import { makeFlow } from './make-flow.js';

export type { References } from './flow-text.js';
export { flowSchema } from './generated/flow-schema.js';

/** A flow as its file describes it: the dataflow, and how it wants to be run. */
export interface FlowFile {
  readonly flow: Dataflow;
  readonly checkpoint?: {
    readonly directory: string;
    readonly everyBatches?: number;
    readonly everySeconds?: number;
  };
  readonly limits: { readonly credit?: number };
  /** An error as it may be shown: without what references of the file stand for. */
  masked(error: unknown): unknown;
}

/**
 * Reads a flow file's text (YAML or JSON). `file` is its name in errors, which say line and column.
 *
 * `references` tells where `${NAME}` and `${file:path}` are looked up; in Node, `process.env` and the file system.
 * Errors: OPTION_RANGE for what no flow may say, for a reference to nothing, and for what a source, step or sink refuses.
 */
export function flowFromText(file: string, text: string, references: References): FlowFile {
  const read = FlowText.parse(file, text, references);
  checkFlow(read);
  const { checkpoint, limits = {} } = read.value as Partial<FlowFile>;
  return {
    flow: makeFlow(read),
    ...(checkpoint && { checkpoint }),
    limits,
    masked: (error) => read.maskedError(error),
  };
}
