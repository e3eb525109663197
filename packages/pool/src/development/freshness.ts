import { describe } from '@qps/core'

/** Fields further inside than this are not looked at. */
const depthMax = 4
/** Fields, elements and entries of one object that are looked at, all levels together. */
const partsMax = 1000

/** What something looked like: a value, or the names of its parts and what they looked like. */
type Shot = { readonly value: unknown } | { readonly kind: string; readonly parts: ReadonlyMap<string, Shot> }

/**
 * What each object of a pool looked like when it was made. An object that comes back must look like that again, and must
 * still when it is lent the next time.
 *
 * Compared are own enumerable fields, elements of arrays and entries of maps and sets, by value; functions by identity; of
 * typed arrays the length only. Private fields cannot be seen.
 */
export class Freshness<S extends object> {
  readonly #shots = new WeakMap<S, Shot>()
  readonly #carries: ReadonlySet<string>

  /** @param carries fields of the object itself that may differ. */
  constructor(carries: readonly string[]) {
    this.#carries = new Set(carries)
  }

  /** @param item as it was just made. */
  remember(slot: S, item: unknown): void {
    this.#shots.set(slot, shoot(item, this.#carries))
  }

  /** @returns the first difference, e.g. `.user was undefined and is "ada"`; undefined where there is none. */
  difference(slot: S, item: unknown): string | undefined {
    const before = this.#shots.get(slot)
    return before === undefined ? undefined : compare(before, shoot(item, this.#carries), '')
  }
}

function shoot(item: unknown, without: ReadonlySet<string>): Shot {
  let room = partsMax
  const seen = new Set<object>()
  const look = (value: unknown, depth: number, skipped?: ReadonlySet<string>): Shot => {
    if (typeof value !== 'object' || value === null) return { value }
    if (value instanceof Date) return { value: value.getTime() }
    const kind = kindOf(value)
    const parts = new Map<string, Shot>()
    // What was seen already, or lies too deep, is not looked into.
    if (ArrayBuffer.isView(value) || seen.has(value) || depth > depthMax) return { kind, parts }
    seen.add(value)
    for (const [name, part] of partsOf(value)) {
      if (skipped?.has(name)) continue
      if (room-- <= 0) break
      parts.set(name, look(part, depth + 1))
    }
    return { kind, parts }
  }
  return look(item, 0, without)
}

function kindOf(value: object): string {
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Map) return `a map of ${value.size}`
  return value instanceof Set ? `a set of ${value.size}` : 'an object'
}

/** The parts by the names that a message gives them. */
function* partsOf(value: object): Iterable<[name: string, part: unknown]> {
  if (Array.isArray(value)) {
    for (const [position, part] of value.entries()) yield [`[${position}]`, part]
    return
  }
  let position = 0
  if (value instanceof Map) for (const [key, part] of value) yield [`[${describe(key)}]`, part]
  if (value instanceof Set) for (const part of value) yield [`[${position++}]`, part]
  for (const name of Object.keys(value)) yield [name, (value as Record<string, unknown>)[name]]
}

const absent: Shot = { value: undefined }

function compare(before: Shot, after: Shot, path: string): string | undefined {
  const differ = (): string => `${path || 'it'} was ${show(before)} and is ${show(after)}`
  if ('value' in before || 'value' in after) {
    return 'value' in before && 'value' in after && Object.is(before.value, after.value) ? undefined : differ()
  }
  if (before.kind !== after.kind) return differ()
  for (const name of new Set([...before.parts.keys(), ...after.parts.keys()])) {
    const place = path + (name.startsWith('[') ? name : `.${name}`)
    const difference = compare(before.parts.get(name) ?? absent, after.parts.get(name) ?? absent, place)
    if (difference !== undefined) return difference
  }
  return undefined
}

function show(shot: Shot): string {
  return 'value' in shot ? describe(shot.value) : shot.kind
}
