/** Memory that threads share and WebAssembly works on; survives structured cloning. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer
}

/** Functions of an instance, by name. */
export type Exports = Readonly<Record<string, (...values: (number | string)[]) => number>>

/** As much of the engine's interface as is used here. */
interface Engine {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory
  /** `builtins` are imports that the engine provides itself, as instructions. Engines that know none take the imports. */
  Module: new (bytes: Uint8Array, options: { builtins: string[] }) => object
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: Exports }
}

declare const WebAssembly: Engine

export const engine: Engine = WebAssembly

/** Bytes of a page, the unit in which memory is made. */
export const pageBytes = 65_536

/**
 * What the engine knows as `wasm:js-string`, for those that do not.
 *
 * Source: the JS string builtins proposal, part of WebAssembly 3.0.
 */
export const stringBuiltins = {
  name: 'wasm:js-string',
  functions: {
    length: (text: string): number => text.length,
    charCodeAt: (text: string, index: number): number => text.charCodeAt(index),
  },
} as const
