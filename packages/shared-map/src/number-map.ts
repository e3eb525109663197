import type { Core } from './code/core.ts'
import { status } from './code/status.ts'
import { valueError } from './errors.ts'
import { headAt } from './layout.ts'
import type { MapParts } from './map-parts.ts'
import type { MapKey } from './shared-map.ts'
import { TableMap } from './table-map.ts'

/** A map whose values are numbers. `get` and `set` allocate nothing. */
export class NumberMap<K extends MapKey> extends TableMap<K, number> {
  readonly #values: Float64Array
  /** The core's functions by themselves: V8 makes the call a part of its caller then. */
  #get: Core['get']
  #set: Core['set']

  constructor(parts: MapParts<K>) {
    super(parts)
    this.#values = new Float64Array(parts.memory.buffer)
    this.#get = parts.core.get
    this.#set = parts.core.set
  }

  get(key: K): number | undefined {
    const code = this.encode(key)
    const value = this.#get(code)
    return value === value ? value : this.#explain(code)
  }

  set(key: K, value: number): void {
    if (typeof value !== 'number') throw valueError('a number', value)
    const result = this.#set(this.encode(key), value)
    if (result !== status.done) this.setSlowly(key, value, result)
  }

  /** NaN is a value like any other; the status tells it from the core's other two meanings. */
  #explain(code: number): number | undefined {
    const why = this.core.status()
    if (why === status.busy) return this.readLocked(code)
    return why === status.done ? Number.NaN : undefined
  }

  protected peek(code: number): number | undefined {
    const value = this.core.peek(code)
    return this.core.status() === status.done ? value : undefined
  }

  protected put(code: number, value: number): number {
    if (typeof value !== 'number') throw valueError('a number', value)
    return this.core.put(code, value)
  }

  protected isSame(left: number | undefined, right: number | undefined): boolean {
    return Object.is(left, right)
  }

  protected valueAt(head: number): number {
    return this.#values[(head + headAt.value) / 8]!
  }

  protected override close(core: Core): void {
    super.close(core)
    this.#get = core.get
    this.#set = core.set
  }
}
