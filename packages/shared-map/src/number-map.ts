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
  #get: Core['getDirect']
  #set: Core['setDirect']

  constructor(parts: MapParts<K>) {
    super(parts)
    this.#values = new Float64Array(parts.memory.buffer)
    this.#get = parts.core.getDirect
    this.#set = parts.core.setDirect
  }

  get(key: K): number | undefined {
    this.prepare(key)
    const value = this.#get(key)
    return value === value ? value : this.#explain(key)
  }

  set(key: K, value: number): void {
    if (typeof value !== 'number') throw valueError('a number', value)
    this.prepare(key)
    const result = this.#set(key, value)
    if (result !== status.done) this.setSlowly(key, value, result)
  }

  /** NaN is a value like any other; the status tells it from what else the core says by it. */
  #explain(key: K): number | undefined {
    let why = this.core.status()
    if (why === status.otherKey) {
      const value = this.core.get(this.encode(key))
      if (value === value) return value
      why = this.core.status()
    }
    if (why === status.busy) return this.readLocked(this.encode(key))
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
    this.#get = core.getDirect
    this.#set = core.setDirect
  }
}
