/**
 * The frame of a flow file's JSON Schema: name, source, steps, sink, checkpoint and limits, around the words of each kind.
 */

const object = (properties, more = {}) => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
});
const integer = (description, minimum, maximum) => ({ description, type: 'integer', minimum, maximum });

/** Exactly one of the words, with what follows it. */
const oneWord = (words, more = {}) => object({ ...words, ...more }, { minProperties: 1 });

export default ({ sources, sinks, steps, wrappers }, definitions) => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A Chunkwise dataflow',
  ...object(
    {
      name: { description: 'Checkpoints belong to it.', type: 'string', minLength: 1 },
      source: {
        description: 'Where batches come from; of several, a batch of each in turn.',
        anyOf: [
          { $ref: '#/definitions/source' },
          { type: 'array', items: { $ref: '#/definitions/source' }, minItems: 1 },
        ],
      },
      steps: {
        description: 'What happens to them, in order.',
        type: 'array',
        items: { $ref: '#/definitions/step' },
      },
      sink: {
        description: 'Where they go; of several, each gets every batch.',
        anyOf: [
          { $ref: '#/definitions/sink' },
          { type: 'array', items: { $ref: '#/definitions/sink' }, minItems: 1 },
        ],
      },
      checkpoint: object(
        {
          directory: { description: 'Where checkpoints are kept.', type: 'string', minLength: 1 },
          everyBatches: integer('Source batches between two checkpoints (default 64).', 1, 2 ** 31 - 1),
          everySeconds: {
            description: 'And at the latest so many seconds behind the one before.',
            type: 'number',
            minimum: 1e-3,
            maximum: 2e6,
          },
        },
        { required: ['directory'] },
      ),
      limits: object({
        credit: integer('The most source batches between source and sink (default 2).', 1, 1024),
      }),
    },
    { required: ['name', 'source', 'sink'] },
  ),
  definitions: {
    ...definitions,
    source: oneWord(sources),
    sink: oneWord(sinks),
    sourceOfPath: oneWord(
      Object.fromEntries(
        Object.entries(sources)
          .filter(([, word]) => word.properties.path !== undefined)
          .map(([name, word]) => [name, withoutPath(word)]),
      ),
    ),
    step: oneWord(steps, {
      id: {
        description: 'How a checkpoint finds its state again (default: its place and name).',
        type: 'string',
      },
      ...wrappers,
    }),
  },
});

function withoutPath({ properties: { path, ...properties }, required, ...word }) {
  return { ...word, properties, required: required.filter((name) => name !== 'path') };
}
