import type { Batch } from './batches.ts'
import { isShared } from './bytes-of.ts'

/*
 * How one value stands in a batch: a byte that names its kind, then its content, numbers in the processor's usual order of
 * bytes (little-endian).
 *
 *   undefined null false true posted | nothing
 *   integer | 4 bytes                    number | 8 bytes
 *   text, wide, json, bytes | length in 4 bytes, then UTF-8, UTF-16, JSON in UTF-8, or the bytes
 *
 * `posted` stands for a value that travels beside, as a message.
 */
const kinds = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  integer: 4,
  number: 5,
  text: 6,
  wide: 7,
  json: 8,
  bytes: 9,
  posted: 10,
} as const

/** Parts of an object or array that is written as JSON; a larger one is posted. */
const partsMax = 256
const depthMax = 8
const lengthBytes = 4

/** Where a written value ended, or one of these. */
export const doesNotFit = -1
/** It cannot stand in a batch at all: it has to be posted. */
export const mustBePosted = -2

/**
 * Writes a value at `at`, nothing behind `end`.
 *
 * @returns where it ends; {@link doesNotFit} where there is no room for it; {@link mustBePosted} for what only a structured clone
 *   keeps as it is: dates, maps, class instances, shared memory, NaN in an object, and the like.
 */
export function writeValue(into: Buffer, at: number, end: number, value: unknown): number {
  if (at >= end) return doesNotFit
  switch (typeof value) {
    case 'number':
      return writeNumber(into, at, end, value)
    case 'string':
      return writeText(into, at, end, value)
    case 'boolean':
      into[at] = value ? kinds.true : kinds.false
      return at + 1
    case 'undefined':
      into[at] = kinds.undefined
      return at + 1
    case 'object':
      if (value !== null) return writeObject(into, at, end, value)
      into[at] = kinds.null
      return at + 1
    case 'bigint':
    case 'symbol':
    case 'function':
      return mustBePosted
  }
}

/** Says in one byte that the value comes as a message. @returns where it ends. */
export function writePosted(into: Buffer, at: number): number {
  into[at] = kinds.posted
  return at + 1
}

function writeNumber(into: Buffer, at: number, end: number, value: number): number {
  // -0 is no integer here: it would lose its sign.
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    if (at + 5 > end) return doesNotFit
    into[at] = kinds.integer
    into[at + 1] = value
    into[at + 2] = value >> 8
    into[at + 3] = value >> 16
    into[at + 4] = value >> 24
    return at + 5
  }
  if (at + 9 > end) return doesNotFit
  into[at] = kinds.number
  into.writeDoubleLE(value, at + 1)
  return at + 9
}

function writeText(into: Buffer, at: number, end: number, value: string): number {
  // UTF-8 has no way to say half of a surrogate pair.
  if (value.isWellFormed()) return writeUtf8(into, at, end, kinds.text, value)
  const start = at + 1 + lengthBytes
  const bytes = value.length * 2
  if (start + bytes > end) return doesNotFit
  into[at] = kinds.wide
  into.writeUInt32LE(bytes, at + 1)
  into.write(value, start, 'utf16le')
  return start + bytes
}

function writeUtf8(into: Buffer, at: number, end: number, kind: number, text: string): number {
  const start = at + 1 + lengthBytes
  const room = end - start
  // One unit of UTF-16 takes at most three bytes. Only where that bound is not enough the text is measured.
  if (text.length > room || (text.length * 3 > room && Buffer.byteLength(text) > room)) return doesNotFit
  const bytes = into.write(text, start)
  into[at] = kind
  into.writeUInt32LE(bytes, at + 1)
  return start + bytes
}

function writeObject(into: Buffer, at: number, end: number, value: object): number {
  if (value instanceof Uint8Array) {
    if (isShared(value.buffer)) return mustBePosted
    const start = at + 1 + lengthBytes
    if (start + value.length > end) return doesNotFit
    into[at] = kinds.bytes
    into.writeUInt32LE(value.length, at + 1)
    into.set(value, start)
    return start + value.length
  }
  if (partsLeft(value, partsMax, depthMax) < 0) return mustBePosted
  return writeUtf8(into, at, end, kinds.json, JSON.stringify(value))
}

/**
 * Counts the parts of what JSON gives back exactly as it was: arrays without holes, plain objects, text, booleans, null and
 * finite numbers other than -0.
 *
 * @returns how many of `left` are left; negative where something else was found, or too much.
 */
function partsLeft(value: unknown, left: number, depth: number): number {
  if (left <= 0) return -1
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return left - 1
  if (typeof value === 'number') return Number.isFinite(value) && (value !== 0 || 1 / value > 0) ? left - 1 : -1
  if (typeof value !== 'object' || depth === 0) return -1
  let rest = left - 1
  if (Array.isArray(value)) {
    if (value.length > rest) return -1
    for (let index = 0; index < value.length && rest >= 0; index++) rest = partsLeft(value[index], rest, depth - 1)
    return rest
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return -1
  for (const key in value) {
    if (rest < 0) return rest
    rest = partsLeft((value as Record<string, unknown>)[key], rest, depth - 1)
  }
  return rest
}

/** Numbers of several bytes are read and written through one, which costs less than Buffer's methods. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Reads values one after the other. Text and bytes are copied out: the batch may be written over afterwards. */
export class ValueReader {
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = viewOf(this.#bytes)
  #at = 0
  #end = 0
  /** Gives the next value that was posted. */
  readonly #takePosted: () => unknown

  constructor(takePosted: () => unknown) {
    this.#takePosted = takePosted
  }

  open({ bytes, start, length }: Batch): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = viewOf(bytes)
    }
    this.#at = start
    this.#end = start + length
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  byte(): number {
    return this.#bytes[this.#at++]!
  }

  short(): number {
    this.#at += 2
    return this.#bytes[this.#at - 2]! | (this.#bytes[this.#at - 1]! << 8)
  }

  double(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  value(): unknown {
    switch (this.byte()) {
      case kinds.undefined:
        return undefined
      case kinds.null:
        return null
      case kinds.false:
        return false
      case kinds.true:
        return true
      case kinds.integer:
        this.#at += 4
        return this.#view.getInt32(this.#at - 4, true)
      case kinds.number:
        return this.double()
      case kinds.text:
        return this.#text('utf8')
      case kinds.wide:
        return this.#text('utf16le')
      case kinds.json:
        return JSON.parse(this.#text('utf8'))
      case kinds.bytes:
        return this.#copy()
      default:
        return this.#takePosted()
    }
  }

  #length(): number {
    this.#at += lengthBytes
    return this.#view.getUint32(this.#at - lengthBytes, true)
  }

  #text(encoding: 'utf8' | 'utf16le'): string {
    const bytes = this.#length()
    this.#at += bytes
    return this.#bytes.toString(encoding, this.#at - bytes, this.#at)
  }

  #copy(): Uint8Array<ArrayBuffer> {
    const bytes = this.#length()
    const copy = new Uint8Array(bytes)
    copy.set(this.#bytes.subarray(this.#at, this.#at + bytes))
    this.#at += bytes
    return copy
  }
}
