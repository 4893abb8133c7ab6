// The part of the WebAssembly global that the server uses. Role: TypeScript declares it in its DOM library only,
// which a server must not see (it would make `window` and `fetch`'s DOM types look real); Node has it at run time.

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  function validate(bytes: Uint8Array): boolean;
}
