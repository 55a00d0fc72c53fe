/**
 * Makes the JSON Schema of flow files from the types of the functions that they name (`vocabulary.ts`), so that neither can
 * say what the other does not: `generated/flow-schema.ts` for the reader, `dist/flow.schema.json` for editors.
 *
 * Each word's schema says in `x-parameters` how its function is called: 'options' stands for the properties that no other
 * parameter has taken, 'operator' for the step that a wrapper is put around.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..', '..');
const GENERATED = join(HERE, 'generated', 'flow-schema.ts');
const PUBLISHED = join(ROOT, 'dist', 'flow.schema.json');
const GROUPS = ['sources', 'sinks', 'steps', 'wrappers'];

if (isUpToDate()) process.exit();

const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'));
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
const program = ts.createProgram([join(HERE, 'vocabulary.ts')], options);
const checker = program.getTypeChecker();
const vocabulary = program.getSourceFile(join(HERE, 'vocabulary.ts'));

/** Schemas of named types, shared and so free to speak of themselves; undefined while one is made. */
const definitions = new Map();
const namesOfTypes = new Map();

const typeOf = (symbol) => checker.getTypeOfSymbolAtLocation(symbol, vocabulary);
const has = (type, ...names) => names.every((name) => checker.getPropertyOfType(type, name) !== undefined);
const isSource = (type) => has(type, 'name', 'read') && !has(type, 'description');
const isSink = (type) => has(type, 'name', 'open') && !has(type, 'description');
const isStep = (type) =>
  type.isUnion()
    ? type.types.every(isStep)
    : has(type, 'description') && (has(type, 'open') || has(type, 'openAsync'));
const kindOf = (type) =>
  isSource(type) ? 'source' : isSink(type) ? 'sink' : isStep(type) ? 'step' : undefined;
const isFunction = (type) => type.getCallSignatures().length > 0;
const textOf = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
const isDeclaredBy = (type, pattern) =>
  (type.symbol?.declarations ?? []).some((node) => pattern.test(node.getSourceFile().fileName));

/** The JSON Schema of a type, or undefined where JSON cannot hold it. */
function schemaOf(type) {
  if (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Never | ts.TypeFlags.Void)) return undefined;
  if (type.isUnion()) return named(type, type.aliasSymbol, () => unionOf(type));
  if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
  if (type.flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' };
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
  if (type.flags & ts.TypeFlags.StringLike) return { type: 'string' };
  if (type.flags & ts.TypeFlags.NumberLike) return { type: 'number' };
  if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
  return type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) ? objectOf(type) : undefined;
}

function objectOf(type) {
  const kind = kindOf(type);
  if (kind !== undefined) return { $ref: `#/definitions/${kind}`, 'x-make': kind };
  if (isFunction(type)) return functionOf(type);
  const element = type.getNumberIndexType();
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type).map(schemaOf);
    if (items.includes(undefined)) return undefined;
    return { type: 'array', items: items.length === 1 ? items[0] : { anyOf: items } };
  }
  if (element !== undefined && type.getStringIndexType() === undefined) {
    const items = schemaOf(element);
    const isBytes = type.symbol?.name === 'Uint8Array';
    return items === undefined || isBytes ? undefined : { type: 'array', items };
  }
  const isMapped = (type.objectFlags & ts.ObjectFlags.Mapped) !== 0;
  if (!isMapped && isDeclaredBy(type, /node_modules/)) return undefined;
  return named(type, type.aliasSymbol ?? type.symbol, () => {
    const values = type.getStringIndexType();
    const schema = propertiesOf(type);
    if (values === undefined || schema === undefined) return schema;
    const additionalProperties = schemaOf(values);
    return additionalProperties && { ...schema, additionalProperties };
  });
}

/** Only one kind of function can be written down: what is made of each path, as the source without its path. */
function functionOf(type) {
  const [signature] = type.getCallSignatures();
  const isOfPath = signature.parameters.length === 1 && kindOf(signature.getReturnType()) === 'source';
  return isOfPath ? { $ref: '#/definitions/sourceOfPath', 'x-make': 'sourceOfPath' } : undefined;
}

function unionOf(type) {
  const parts = type.types.map(schemaOf).filter((schema) => schema !== undefined);
  const constants = parts.filter((schema) => 'const' in schema).map((schema) => schema.const);
  const others = parts.filter((schema) => !('const' in schema));
  if (constants.length === 2 && constants.every((value) => typeof value === 'boolean')) {
    others.push({ type: 'boolean' });
  } else if (constants.length > 0) others.push({ enum: constants });
  const different = [...new Map(others.map((schema) => [JSON.stringify(schema), schema])).values()];
  return different.length > 1 ? { anyOf: different } : different[0];
}

/** A type with a name of ours is defined once and referred to. */
function named(type, symbol, make) {
  const name = symbol?.name;
  if (name === undefined || name.startsWith('__') || isDeclaredBy(type, /node_modules/)) return make();
  const known = namesOfTypes.get(type);
  if (known !== undefined) return definitions.get(known) === null ? undefined : reference(known);
  const key = definitions.has(name) ? `${name}${definitions.size}` : name;
  namesOfTypes.set(type, key);
  definitions.set(key, undefined);
  const schema = make();
  definitions.set(key, schema ?? null);
  return schema && reference(key);
}

const reference = (name) => ({ $ref: `#/definitions/${name}` });

/** The properties that JSON can hold; undefined where one that must be there is not among them. */
function propertiesOf(type) {
  const properties = {};
  const required = [];
  for (const property of checker.getPropertiesOfType(type)) {
    const schema = schemaOf(typeOf(property));
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    if (schema === undefined && !isOptional) return undefined;
    if (schema === undefined) continue;
    properties[property.name] = described(schema, textOf(property));
    if (!isOptional) required.push(property.name);
  }
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

const described = (schema, description) =>
  description === ''
    ? schema
    : '$ref' in schema
      ? { allOf: [schema], description }
      : { description, ...schema };

/** What a word is followed by: the function's parameters by name, and the properties of its options. */
function callOf(symbol, signature, isWrapper) {
  const schema = { type: 'object', properties: {}, required: [], additionalProperties: false };
  const parameters = [];
  for (const parameter of signature.parameters) {
    const type = checker.getNonNullableType(typeOf(parameter));
    const isOptional = checker.isOptionalParameter(parameter.valueDeclaration);
    if (isStep(type)) {
      if (!isWrapper) return undefined;
      parameters.push('operator');
    } else if (parameter.name === 'options') {
      parameters.push('options');
      const { properties, required = [] } = propertiesOf(type) ?? {};
      if (properties === undefined) return undefined;
      Object.assign(schema.properties, properties);
      if (!isOptional) schema.required.push(...required);
    } else {
      const value = schemaOf(type);
      if (value === undefined && !isOptional) return undefined;
      if (value === undefined) break;
      parameters.push(parameter.name);
      schema.properties[parameter.name] = value;
      if (!isOptional) schema.required.push(parameter.name);
    }
  }
  const description = textOf(symbol)
    .split(/\n\s*\n/)[0]
    .replaceAll(/\s+/g, ' ');
  return { ...(description !== '' && { description }), ...schema, 'x-parameters': parameters };
}

/** Every function of a group that JSON can call. */
function wordsOf(group) {
  const words = {};
  const symbol = checker
    .getExportsOfModule(checker.getSymbolAtLocation(vocabulary))
    .find(({ name }) => name === group);
  for (const property of checker.getPropertiesOfType(typeOf(symbol))) {
    // Of several, the last is the most general.
    const signature = typeOf(property).getCallSignatures().at(-1);
    const kind = signature && kindOf(signature.getReturnType());
    if (kind === undefined || !group.startsWith(group === 'wrappers' ? 'wrappers' : kind)) continue;
    const call = callOf(aliased(property), signature, group === 'wrappers');
    if (call !== undefined) words[property.name] = call;
  }
  return words;
}

const aliased = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);

const [sources, sinks, steps, wrappers] = GROUPS.map(wordsOf);
const { default: around } = await import('./schema-frame.mjs');
const schema = around(
  { sources, sinks, steps, wrappers },
  Object.fromEntries([...definitions].filter(([, s]) => s)),
);

mkdirSync(join(HERE, 'generated'), { recursive: true });
mkdirSync(join(ROOT, 'dist'), { recursive: true });
const head = '/** The JSON Schema of flow files, as data; made by build-schema.mjs. */';
writeFileSync(GENERATED, `${head}\nexport const flowSchema: unknown = ${JSON.stringify(schema)};\n`);
writeFileSync(PUBLISHED, `${JSON.stringify(schema, null, 2)}\n`);

/** Whether no source file is newer than what was made of them. */
function isUpToDate() {
  const modifiedMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const made = Math.min(modifiedMs(GENERATED), modifiedMs(PUBLISHED));
  return ['src', 'operators', 'sources', 'sinks'].every((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .filter((path) => /\.(ts|mjs)$/.test(path) && !path.includes('generated') && !path.includes('wasm'))
      .every((path) => modifiedMs(join(ROOT, folder, path)) <= made),
  );
}
