/**
 * A module for memory that threads share, made from the one for memory of its own: they differ in one declaration. Code
 * that takes no locks does not notice whose memory it is.
 */

const IMPORTS = 2;
const HEADER_BYTES = 8;
const MEMORY = 2;
const SHARED_WITH_MOST = 3;
/** 65536 pages, the most there can be, as WebAssembly writes numbers. */
const MOST_PAGES = [0x80, 0x80, 0x04];

/** Reads a number of 7 bits a byte, least first; gives it and where the next thing begins. */
function readNumber(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0, i = at; ; shift += 7, i++) {
    value += (bytes[i]! & 0x7f) * 2 ** shift;
    if (bytes[i]! < 0x80) return [value, i + 1];
  }
}

function writtenNumber(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...writtenNumber(Math.floor(value / 0x80))];
}

/** The same module, the memory that it imports (its only import) declared shared. */
export function forSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  let section = HEADER_BYTES;
  while (module[section] !== IMPORTS) {
    const [length, content] = readNumber(module, section + 1);
    section = content + length;
  }
  const [length, content] = readNumber(module, section + 1);
  const [, moduleName] = readNumber(module, content);
  const [nameBytes, name] = readNumber(module, moduleName);
  const [fieldBytes, field] = readNumber(module, name + nameBytes);
  const kind = field + fieldBytes;
  if (module[kind] !== MEMORY) throw new Error('kernels: expected a module that imports memory alone');
  const [, pagesEnd] = readNumber(module, kind + 2);
  const imports = [
    ...module.subarray(content, kind + 1),
    SHARED_WITH_MOST,
    ...module.subarray(kind + 2, pagesEnd),
    ...MOST_PAGES,
  ];
  return Uint8Array.from([
    ...module.subarray(0, section + 1),
    ...writtenNumber(imports.length),
    ...imports,
    ...module.subarray(content + length),
  ]);
}
