export { arithmeticCode } from './arithmetic-code.js';
export { type ArithmeticDecodeOptions, arithmeticDecode } from './arithmetic-decode.js';
export type { ArithmeticCodeOptions } from './arithmetic-options.js';
export { type CompressOptions, compress } from './compress.js';
export { type DecompressOptions, decompress } from './decompress.js';
export type { ModelOperatorOptions } from './model-operator.js';
export { ngramMixer } from './ngram-mixer.js';
export { onlineModel } from './online-model.js';
