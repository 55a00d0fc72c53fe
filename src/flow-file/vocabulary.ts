/**
 * The words of a flow file: every source, sink and step that can be named in one, by the name of its function. The JSON
 * Schema is made of these functions' types (`build-schema.mjs`).
 */
import * as operators from '../../operators/index.js';
import * as sinkModules from '../../sinks/index.js';
import * as sourceModules from '../../sources/index.js';
import { inWorker } from '../in-worker/in-worker.js';
import { perKey } from '../per-key.js';
import { rebatch } from '../rebatch.js';

export const sources = sourceModules;
export const sinks = sinkModules;
export const steps = { ...operators, rebatch };

/** What can be put around a step: first what it needs, then the operator it is put around, then its options. */
export const wrappers = { perKey, slidingWindow: operators.slidingWindow, inWorker };
