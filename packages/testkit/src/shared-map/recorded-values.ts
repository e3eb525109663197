import type { KeyForm, MapKey, MapValue, ValueForm } from '@qps/shared-map'

/** What is recorded of a value that nobody has written: parts of several, or bytes out of nowhere. */
export const torn = -1

/** Number `id` as a value in a map and back. */
export interface RecordedValues {
  /** @param id 0 to {@link idMax}. */
  encode(id: number): MapValue
  /** @returns the id, `NaN` for undefined, {@link torn} for what {@link encode} never made. */
  decode(value: MapValue | undefined): number
}

/** 21 bits, so that a number that has them twice is a safe integer. */
export const idMax: number = 2 ** 21 - 1

/** Between two ids that are written, so that a few increments of one do not meet the next. */
export const idStep = 4
/** Ids that no run writes: increments of the last one stay below {@link idMax}. */
export const idReserve: number = 2 ** 16

/** The id once in the upper and once in the lower 32 bits of an integer: halves of two values do not fit together. */
const bothHalves = 2 ** 32 + 1

/** The id in each of one to sixteen words: a value of another length, or with a word of another one, is none. */
const wordBytes = 4
const wordsMax = 16

export const recordedBytesMax: number = wordBytes * wordsMax

const numbers: RecordedValues = {
  encode: (id) => id * bothHalves,
  decode(value) {
    if (value === undefined) return NaN
    const id = typeof value === 'number' ? value / bothHalves : torn
    return Number.isInteger(id) && id >= 0 ? id : torn
  },
}

const bytes: RecordedValues = {
  encode: (id) => new Uint8Array(new Uint32Array(wordsOf(id)).fill(id).buffer),
  decode(value) {
    if (value === undefined) return NaN
    if (typeof value === 'number' || value.length < wordBytes) return torn
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    const id = view.getUint32(0, true)
    if (value.length !== wordsOf(id) * wordBytes) return torn
    for (let at = wordBytes; at < value.length; at += wordBytes) if (view.getUint32(at, true) !== id) return torn
    return id
  },
}

function wordsOf(id: number): number {
  return 1 + (id % wordsMax)
}

export const recordedValues: Readonly<Record<ValueForm, RecordedValues>> = { number: numbers, bytes }

/** Keys that a careless map mixes up come first. */
const strings = ['', 'é', 'e\u0301', '__proto__', 'ключ', 'a', 'a\0', '鍵'.repeat(10)]
const integers = [0, -1, 2 ** 32, 2 ** 53 - 1, -(2 ** 31), 2 ** 31, 1, -(2 ** 53 - 1)]

/** Key number `index`; different ones for different indices. */
export function recordedKey(form: KeyForm, index: number): MapKey {
  return form === 'string' ? (strings[index] ?? `key ${index}`) : (integers[index] ?? 7919 * index)
}
