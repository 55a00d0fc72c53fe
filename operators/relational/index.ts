export type { Aggregate } from './aggregates.js';
export * from './cast.js';
export type { CastType } from './cast-types.js';
export type { Comparable, Comparison, Condition } from './condition.js';
export * from './divert.js';
export {
  type EventTimeWindowOptions,
  eventTimeWindow,
  type LateListener,
} from './event-time-window.js';
export * from './filter.js';
export * from './hash-embed.js';
export * from './rename.js';
export * from './select.js';
export { type SqlOptions, type SqlRows, type SqlWindows, sql } from './sql.js';
export * from './stack.js';
export * from './standardize.js';
export * from './unstack.js';
