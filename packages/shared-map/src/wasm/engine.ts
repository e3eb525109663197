/** Memory that threads share and WebAssembly works on; survives structured cloning. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer
}

/** Functions of an instance, by name. Numbers in and out: this project's code has no other parameters. */
export type Exports = Readonly<Record<string, (...values: number[]) => number>>

/** As much of the engine's interface as is used here. */
interface Engine {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: { map: { memory: SharedMemory } }) => { readonly exports: Exports }
}

declare const WebAssembly: Engine

export const engine: Engine = WebAssembly

/** Bytes of a page, the unit in which memory is made. */
export const pageBytes = 65_536
