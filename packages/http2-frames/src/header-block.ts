import { errorCode, type ProtocolFailure } from './protocol.ts'

/** Encoded bytes of one header section. Twice the list that HPACK may make of it here: no honest encoder gets there. */
export const headerBlockBytesMax: number = 32 * 1024
/** Frames that continue one block: an endless row of empty ones costs the sender next to nothing (CVE-2024-27316). */
export const continuationsMax = 16

/** The header block of one stream while its frames arrive: HEADERS without END_HEADERS, then CONTINUATION. */
export class HeaderBlock {
  /** Whose block is open; 0 where none is. */
  streamId = 0
  /** Of its HEADERS frame. */
  flags = 0
  /** The block so far, in the first `length` bytes. */
  bytes: Uint8Array = new Uint8Array(0)
  length = 0
  #frames = 0

  begin(streamId: number, flags: number, bytes: Uint8Array, start: number, end: number): ProtocolFailure | undefined {
    this.streamId = streamId
    this.flags = flags
    this.length = 0
    this.#frames = 0
    return this.#append(bytes, start, end)
  }

  /** @returns what is wrong where the block becomes too long, or has too many frames. */
  add(bytes: Uint8Array, start: number, end: number): ProtocolFailure | undefined {
    this.#frames++
    if (this.#frames > continuationsMax) return calm(`a header block with more than ${continuationsMax} continuations`)
    return this.#append(bytes, start, end)
  }

  /** The block is whole: the next frame need not continue it. `bytes` stays as it is until the next `begin`. */
  close(): void {
    this.streamId = 0
  }

  #append(bytes: Uint8Array, start: number, end: number): ProtocolFailure | undefined {
    const needed = this.length + end - start
    if (needed > headerBlockBytesMax) return calm(`a header block over ${headerBlockBytesMax} bytes`)
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(headerBlockBytesMax, 2 * needed))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(bytes.subarray(start, end), this.length)
    this.length = needed
    return undefined
  }
}

function calm(what: string): ProtocolFailure {
  return { code: errorCode.enhanceYourCalm, what }
}
