/**
 * Every law there is.
 */
import { algebra } from './algebra.js';
import { backend } from './backend.js';
import { bound } from './bound.js';
import { chunk } from './chunk.js';
import { edges } from './edges.js';
import { isolation } from './isolation.js';
import type { LawCheck } from './laws.js';
import { options } from './options.js';
import { oracle } from './oracle.js';
import { poison } from './poison.js';
import { resume } from './resume.js';

export const allLaws: readonly LawCheck[] = [
  ...oracle,
  ...chunk,
  ...resume,
  ...isolation,
  ...bound,
  ...poison,
  ...edges,
  ...options,
  ...backend,
  ...algebra,
];
