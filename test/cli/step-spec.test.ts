import { describe, expect, it } from 'vitest';
import { coverage, dynamicSubmodular, slidingWindow } from '../../operators/index.js';
import { operatorFrom } from '../../src/cli/step-spec.js';
import { UsageError } from '../../src/cli/usage-error.js';

const points = {
  facilityLocation: {
    dim: 2,
    ground: [
      [0, 1],
      [1, 0],
    ],
  },
};
const summary = (objective: object, wrapper = '') =>
  operatorFrom(`dynamicSubmodular ${JSON.stringify({ k: 3, objective })} ${wrapper}`);

describe('a step as text', () => {
  it('is the operator that code makes of the same options', () => {
    const operator = summary({ coverage: { maxItems: 50 } }, 'slidingWindow {"windowRows": 100}');
    const made = dynamicSubmodular({ k: 3, objective: coverage({ maxItems: 50 }) });
    expect(operator.description).toEqual(slidingWindow({ windowRows: 100 }, made).description);
  });

  it('names an objective around another', () => {
    const { description } = summary({ withWeight: { objective: points, factor: 2 } });
    expect(Object.keys(description.inputs)).toEqual(['op', 'id', 'features', 'weight']);
  });

  it.each([
    ['nothing', '', /expected 'OPERATOR {json}'/],
    ['no operator', 'toString {}', /operator 'toString' is not known, expected one of/],
    ['a wrapper first', 'slidingWindow {"windowRows": 2}', /operator 'slidingWindow' is not known/],
    [
      'no wrapper',
      'rebatch {"rows": 2} valueOf {}',
      /wrapper 'valueOf' is not known, expected one of perKey/,
    ],
    ['an unfit wrapper', 'rebatch {"rows": 2} slidingWindow {"windowRows": 2}', /an operator of this family/],
    ['an unfit option', 'threeSieves {"k": 0}', /threeSieves: option objective, expected an objective, or/],
    ['no number', 'retention {"keyDim": 1, "valueDim": 1} perKey {"column": "user"}', /option maxKeys/],
  ])('is a usage error where it names %s', (_what, text, message) => {
    expect(() => operatorFrom(text)).toThrow(UsageError);
    expect(() => operatorFrom(text)).toThrow(message);
  });

  it.each([
    [{ covrage: {} }, /option objective, expected an objective, or { name: options } of coverage, facility/],
    [{ constructor: {} }, /option objective, expected/],
    [{ coverage: {}, graphCut: {} }, /option objective, expected/],
    [{ coverage: 4 }, /option objective.coverage, expected an object of options, got 4/],
    [{ coverage: { maxItems: 0 } }, /coverage: option maxItems/],
    [{ withWeight: { objective: { nothing: {} } } }, /option objective, expected/],
    [{ withWeight: { objective: points, factr: 2 } }, /'factr'/],
  ])('tells what is wrong with an objective: %j', (objective, message) => {
    expect(() => summary(objective)).toThrow(UsageError);
    expect(() => summary(objective)).toThrow(message);
  });
});
