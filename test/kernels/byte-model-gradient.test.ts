/**
 * What flows back through a chunk is the derivative of its log likelihood: checked against differences.
 */
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../src/kernels/byte-model-arithmetic.js';
import {
  layOutSsms,
  learnHead,
  type Parameter,
  ssmLogit,
  stepSsm,
} from '../../src/kernels/byte-model-ssm.js';
import { backPropagate } from '../../src/kernels/byte-model-ssm-learning.js';
import { readByte } from '../../src/kernels/byte-model-text.js';
import { sigmoid32, sigmoidF32 } from '../../src/kernels/math.js';
import { uniform } from '../support/property.js';
import { openModel } from './byte-model-helpers.js';

const STEP = 2 ** -7;

/** A model with a random head, and the log likelihood of a chunk of text under it, in nats. */
function open() {
  const model = modelOf(...openModel({ level: 1, tableShift: 14, parts: 'ssm' }, 64, 'typescript').arrays);
  const ssm = layOutSsms(model)[0]!;
  const { width1: K, width2: V, chunk } = ssm.size;
  const random = uniform(7);
  for (let i = 0; i < ssm.head.length; i++) ssm.head[i] = 0.4 * (random() - 0.5);
  const bytes = Array.from('the cat and the hat, and the bat', (c) => c.charCodeAt(0));
  expect(bytes.length).toBe(chunk);
  const logLikelihood = () => {
    model.registers.fill(0);
    ssm.steps.fill(0);
    sigmoidF32(ssm.decayLogit.value, ssm.decay, 256 * K);
    sigmoidF32(ssm.decay2Logit.value, ssm.decay2, V);
    let sum = 0;
    for (const byte of bytes) {
      stepSsm(ssm, model.registers);
      for (let place = 7, node = 1; place >= 0; place--) {
        const bit = (byte >> place) & 1;
        const logit = ssmLogit(ssm, node);
        sum -= Math.log1p(Math.exp(bit === 1 ? -logit : logit));
        learnHead(ssm, node, bit - sigmoid32(logit), 0);
        node = node * 2 + bit;
      }
      readByte(model, byte);
    }
    return sum;
  };
  return { ssm, bytes, logLikelihood };
}

const { ssm, bytes, logLikelihood } = open();
const K = ssm.size.width1;

const parameters: Readonly<Record<string, [Parameter, readonly number[]]>> = {
  'the embedding of a byte': [ssm.embedding, [1, 5, 40].map((i) => bytes[1]! * K + i)],
  'the decay of a byte': [ssm.decayLogit, [2, 20, 50].map((i) => bytes[2]! * K + i)],
  'the gate of a byte': [ssm.gate, [0, 17, 63].map((i) => bytes[4]! * K + i)],
  'the projection to candidates': [ssm.projection, [3, 700, 1500]],
  'the projection to gates': [ssm.projection, [2100, 3000, 4000]],
  'the decay of the second layer': [ssm.decay2Logit, [1, 9, 30]],
};

describe('back-propagation through a chunk', () => {
  it.each(Object.entries(parameters))('gives the derivative by %s', (_, [{ value, gradient }, indices]) => {
    for (const { gradient: any } of [
      ssm.embedding,
      ssm.decayLogit,
      ssm.gate,
      ssm.projection,
      ssm.decay2Logit,
    ])
      any.fill(0);
    logLikelihood();
    backPropagate(ssm);
    const size = Math.sqrt(indices.reduce((sum, i) => sum + gradient[i]! ** 2, 0));
    expect(size).toBeGreaterThan(1e-4);
    for (const i of indices) {
      const start = value[i]!;
      value[i] = start + STEP;
      const above = logLikelihood();
      value[i] = start - STEP;
      const below = logLikelihood();
      value[i] = start;
      expect(Math.abs((above - below) / (2 * STEP) - gradient[i]!)).toBeLessThan(0.01 * size + 2e-4);
    }
  });
});
