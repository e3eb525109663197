import { invariant } from '@qps/core'
import { type Code, unsigned, type ValueType, valueTypes } from './code.ts'
import { engine, type Exports, pageBytes, type SharedMemory, stringBuiltins } from './engine.ts'

/** A local or a global: `get`, or `set(value)`. */
export interface Variable {
  readonly get: Code
  set(value: Code): Code
}

export interface Declared {
  readonly index: number
  /** The code of a call. */
  call(...values: Code[]): Code
}

interface Signature {
  params: readonly ValueType[]
  results: readonly ValueType[]
}

interface Definition extends Signature {
  locals: ValueType[]
  body: Code
}

/** Makes a local of the function that is being defined. */
export type MakeLocal = (type: ValueType) => Variable

/**
 * A module under construction: functions on one shared memory, defined in any order that calls allow (callees first).
 *
 * @example
 * const program = new Program()
 * const sum = program.define(['i32', 'i32'], ['i32'], ([a, b]) => i32.add(a.get, b.get))
 * program.export('sum', sum)
 * program.instantiate(memory).sum(1, 2)
 */
export class Program {
  readonly #imports: (Signature & { name: keyof typeof stringBuiltins.functions })[] = []
  readonly #definitions: Definition[] = []
  readonly #globals: ValueType[] = []
  readonly #exports: [name: string, index: number][] = []

  /** A variable of the instance, and so of the thread; 0 at first. */
  global(type: ValueType): Variable {
    const index = this.#globals.push(type) - 1
    return variable(0x23, 0x24, index)
  }

  /** A function on strings that the engine has. Before the first definition. */
  stringBuiltin(
    name: keyof typeof stringBuiltins.functions,
    params: readonly ValueType[],
    results: readonly ValueType[],
  ): Declared {
    invariant(this.#definitions.length === 0, 'imports come before definitions')
    return declared(this.#imports.push({ name, params, results }) - 1)
  }

  define(
    params: readonly ValueType[],
    results: readonly ValueType[],
    body: (params: Variable[], local: MakeLocal) => Code,
  ): Declared {
    const locals: ValueType[] = []
    const local: MakeLocal = (type) => variable(0x20, 0x21, params.length + locals.push(type) - 1)
    const code = body(
      params.map((_, index) => variable(0x20, 0x21, index)),
      local,
    )
    return declared(this.#imports.length + this.#definitions.push({ params, results, locals, body: code }) - 1)
  }

  export(name: string, declared: Declared): void {
    this.#exports.push([name, declared.index])
  }

  /** Compiles and instantiates it, at once: such modules are a few kilobytes. */
  instantiate(memory: SharedMemory): Exports {
    const pages = memory.buffer.byteLength / pageBytes
    const { name, functions } = stringBuiltins
    const module = new engine.Module(this.#encode(pages), { builtins: ['js-string'] })
    return new engine.Instance(module, { map: { memory }, [name]: functions }).exports
  }

  #encode(pages: number): Uint8Array {
    const definitions = this.#definitions
    const imports = this.#imports
    return new Uint8Array([
      ...magicAndVersion,
      ...section(
        1,
        [...imports, ...definitions].map(({ params, results }) => [0x60, ...types(params), ...types(results)]),
      ),
      ...section(2, [
        ...imports.map(({ name }, index) => [...text(stringBuiltins.name), ...text(name), 0x00, ...unsigned(index)]),
        [...text('map'), ...text('memory'), 0x02, 0x03, ...unsigned(pages), ...unsigned(pages)],
      ]),
      ...section(
        3,
        definitions.map((_, index) => unsigned(imports.length + index)),
      ),
      ...section(
        6,
        this.#globals.map((type) => [valueTypes[type], 0x01, ...zero(type), 0x0b]),
      ),
      ...section(
        7,
        this.#exports.map(([name, index]) => [...text(name), 0x00, ...unsigned(index)]),
      ),
      ...section(10, definitions.map(encodeFunction)),
    ])
  }
}

/** A zero byte and `asm`; version 1. */
const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

function declared(index: number): Declared {
  return {
    index,
    call:
      (...values) =>
      (depth) => [...values.flatMap((value) => value(depth)), 0x10, ...unsigned(index)],
  }
}

function variable(get: number, set: number, index: number): Variable {
  return {
    get: () => [get, ...unsigned(index)],
    set: (value) => (depth) => [...value(depth), set, ...unsigned(index)],
  }
}

function encodeFunction({ locals, body }: Definition): number[] {
  const code = [...unsigned(locals.length), ...locals.flatMap((type) => [1, valueTypes[type]]), ...body(0), 0x0b]
  return [...unsigned(code.length), ...code]
}

function section(id: number, items: number[][]): number[] {
  if (items.length === 0) return []
  const content = [...unsigned(items.length), ...items.flat()]
  return [id, ...unsigned(content.length), ...content]
}

const types = (list: readonly ValueType[]): number[] => [
  ...unsigned(list.length),
  ...list.map((type) => valueTypes[type]),
]

const text = (name: string): number[] => [
  ...unsigned(name.length),
  ...Array.from(name, (character) => character.charCodeAt(0)),
]

function zero(type: ValueType): number[] {
  if (type === 'f64') return [0x44, 0, 0, 0, 0, 0, 0, 0, 0]
  return [type === 'i32' ? 0x41 : 0x42, 0]
}
