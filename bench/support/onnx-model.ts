/**
 * ONNX models of one node, as the bytes of their protocol buffers. Field numbers are those of `onnx.proto`.
 */

/** A tensor by name; a text among its sizes is a size that is only known when the model runs. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  /** Whether it holds int32 numbers, not float32. */
  readonly integers?: boolean;
}

export interface NodeModel {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Names of all inputs in the operator's order; an empty one is left out. */
  readonly inputNames: readonly string[];
  readonly attributes: Readonly<Record<string, number | string>>;
  /** The version of ONNX's own operators (default 21). */
  readonly standard?: number;
}

type Bytes = readonly number[];

const FLOAT_ELEMENTS = 1;
const INT32_ELEMENTS = 6;
const IR_VERSION = 9;
const STANDARD_OPERATORS = 21;
enum AttributeType {
  Float = 1,
  Int = 2,
  String = 3,
}

const utf8 = new TextEncoder();

function varint(value: number): Bytes {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const integerField = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];
const floatField = (field: number, value: number): Bytes => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
const bytesField = (field: number, bytes: ArrayLike<number>): Bytes => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...Array.from(bytes),
];
const textField = (field: number, text: string) => bytesField(field, utf8.encode(text));
const messageField = (field: number, ...parts: readonly Bytes[]) => bytesField(field, parts.flat());

/** AttributeProto: a whole number is an INT, any other number a FLOAT. */
function attribute(name: string, value: number | string): Bytes {
  const [type, content] =
    typeof value === 'string'
      ? [AttributeType.String, textField(4, value)]
      : Number.isInteger(value)
        ? [AttributeType.Int, integerField(3, value)]
        : [AttributeType.Float, floatField(2, value)];
  return messageField(5, textField(1, name), content, integerField(20, type));
}

/** ValueInfoProto of a tensor. */
function valueInfo(field: number, { name, shape, integers }: TensorInfo): Bytes {
  const dimensions = shape.map((size) =>
    messageField(1, typeof size === 'string' ? textField(2, size) : integerField(1, size)),
  );
  const tensor = messageField(
    1,
    integerField(1, integers ? INT32_ELEMENTS : FLOAT_ELEMENTS),
    messageField(2, ...dimensions),
  );
  return messageField(field, textField(1, name), messageField(2, tensor));
}

const operatorSet = (domain: string, version: number): Bytes =>
  messageField(8, textField(1, domain), integerField(2, version));

/** ModelProto of a graph that is one node. */
export function nodeModel(model: NodeModel): Uint8Array {
  const node = messageField(
    1,
    ...model.inputNames.map((name) => textField(1, name)),
    ...model.outputs.map(({ name }) => textField(2, name)),
    textField(4, model.operator),
    ...Object.entries(model.attributes).map(([name, value]) => attribute(name, value)),
    textField(7, model.domain),
  );
  const graph = messageField(
    7,
    node,
    textField(2, 'bench'),
    ...model.inputs.map((input) => valueInfo(11, input)),
    ...model.outputs.map((output) => valueInfo(12, output)),
  );
  return Uint8Array.from([
    ...integerField(1, IR_VERSION),
    ...graph,
    ...operatorSet('', model.standard ?? STANDARD_OPERATORS),
    ...(model.domain === '' ? [] : operatorSet(model.domain, 1)),
  ]);
}
