/**
 * What is used of packages that bring no types.
 */
declare module 'zstd-codec/lib/zstd-codec-binding-wasm.js' {
  /** A stream in one direction. Each call gives what it has by the callback, and whether all went well. */
  interface ZstdStream {
    transform(bytes: Uint8Array, take: (bytes: Uint8Array) => void): boolean;
    end(take: (bytes: Uint8Array) => void): boolean;
    delete(): void;
  }
  interface ZstdModule {
    onRuntimeInitialized(): void;
    print(text: string): void;
    printErr(text: string): void;
    readonly ZstdCompressStreamBinding: new () => ZstdStream & { begin(level: number): boolean };
    readonly ZstdDecompressStreamBinding: new () => ZstdStream & { begin(): boolean };
  }
  /** Fills a module, which has a WebAssembly memory of its own, and tells it when it is ready. */
  export default function makeModule(module: Partial<ZstdModule>): void;
}

declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  export function decompress(bytes: Uint8Array, mostBytes?: number): Uint8Array;
}
