export type { ModelOperatorOptions } from './model-operator.js';
export { ngramMixer } from './ngram-mixer.js';
export { onlineModel } from './online-model.js';
