import { describe } from '@qps/core'
import { messageError } from './errors.ts'
import type { Codec } from './options.ts'

/**
 * One message on its way between a caller and shared memory, which is touched by copies alone: bytes of known length go in, bytes of
 * known length come out. Whatever makes bytes of values, or values of bytes, runs before or behind that.
 */
export interface Parcel<T> {
  /** Makes a value ready. @returns its bytes. @throws QpsError QPS_MESSAGE_BYTES */
  pack(value: T): number
  /** Copies what was packed to `start` of shared memory. */
  putInto(start: number, length: number): void
  /** Copies so many bytes from `start` of shared memory. */
  takeFrom(start: number, length: number): void
  /** What was taken, as a value that shares nothing with the next one. @throws QpsError QPS_MESSAGE_BYTES */
  unpack(): T
}

/** @param bytesMax of a message. */
export function parcelFor<T>(memory: SharedArrayBuffer, codec: Codec<T> | undefined, bytesMax: number): Parcel<T> {
  // Without a codec T is Uint8Array, as the types of create and attach say.
  if (codec === undefined) return new BytesParcel(memory, bytesMax) as Parcel<unknown> as Parcel<T>
  return new CodecParcel(memory, codec)
}

const empty = new Uint8Array(0)

class BytesParcel implements Parcel<Uint8Array> {
  readonly #shared: Uint8Array
  readonly #bytesMax: number
  #message: Uint8Array = empty

  constructor(memory: SharedArrayBuffer, bytesMax: number) {
    this.#shared = new Uint8Array(memory)
    this.#bytesMax = bytesMax
  }

  pack(value: Uint8Array): number {
    if (!(value instanceof Uint8Array)) throw messageError(describe(value), this.#bytesMax)
    if (value.length > this.#bytesMax) throw messageError(`one of ${value.length}`, this.#bytesMax)
    this.#message = value
    return value.length
  }

  putInto(start: number): void {
    this.#shared.set(this.#message, start)
  }

  takeFrom(start: number, length: number): void {
    this.#message = this.#shared.slice(start, start + length)
  }

  unpack(): Uint8Array {
    const message = this.#message
    this.#message = empty
    return message
  }
}

/** Up to here a loop over words is quicker than `set`, which makes a view first. */
const loopBytesMax = 128

/** Values are written to, and read from, memory of this endpoint alone: what a codec does wrong stays here. */
class CodecParcel<T> implements Parcel<T> {
  readonly #codec: Codec<T>
  readonly #shared: Uint8Array
  readonly #sharedWords: Int32Array
  readonly #out: Scratch
  readonly #in: Scratch
  #length = 0

  constructor(memory: SharedArrayBuffer, codec: Codec<T>) {
    this.#codec = codec
    this.#shared = new Uint8Array(memory)
    this.#sharedWords = new Int32Array(memory, 0, Math.floor(memory.byteLength / 4))
    this.#out = scratchOf(codec.bytesMax)
    this.#in = scratchOf(codec.bytesMax)
  }

  pack(value: T): number {
    const { bytesMax } = this.#codec
    const length = this.#codec.write(this.#out.bytes, 0, value)
    if (!(Number.isInteger(length) && length >= 0 && length <= bytesMax)) {
      throw messageError(`one whose codec ends at ${describe(length)}`, bytesMax)
    }
    return length
  }

  putInto(start: number, length: number): void {
    const { bytes, words } = this.#out
    if (length <= loopBytesMax) copyWords(words, bytes, 0, this.#sharedWords, this.#shared, start, length)
    else this.#shared.set(bytes.subarray(0, length), start)
  }

  takeFrom(start: number, length: number): void {
    this.#length = length
    // Another endpoint has a codec for longer values: told by unpack, when nothing is held.
    if (length > this.#codec.bytesMax) return
    const { bytes, words } = this.#in
    if (length <= loopBytesMax) copyWords(this.#sharedWords, this.#shared, start, words, bytes, 0, length)
    else bytes.set(this.#shared.subarray(start, start + length))
  }

  unpack(): T {
    if (this.#length > this.#codec.bytesMax) throw messageError(`one of ${this.#length}`, this.#codec.bytesMax)
    return this.#codec.read(this.#in.bytes, 0, this.#length)
  }
}

interface Scratch {
  bytes: Uint8Array
  words: Int32Array
}

function scratchOf(bytes: number): Scratch {
  const memory = new ArrayBuffer(Math.ceil(bytes / 4) * 4)
  return { bytes: new Uint8Array(memory, 0, bytes), words: new Int32Array(memory) }
}

/** Both places are multiples of four. What is behind the length, of this message's word, is not copied. */
function copyWords(
  fromWords: Int32Array,
  fromBytes: Uint8Array,
  from: number,
  toWords: Int32Array,
  toBytes: Uint8Array,
  to: number,
  length: number,
): void {
  const words = length >> 2
  const fromWord = from >> 2
  const toWord = to >> 2
  for (let word = 0; word < words; word++) toWords[toWord + word] = fromWords[fromWord + word]!
  for (let byte = words << 2; byte < length; byte++) toBytes[to + byte] = fromBytes[from + byte]!
}
