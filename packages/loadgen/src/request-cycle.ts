import type { Http1Message } from './request.ts'

/** Pieces that are kept; where there are more, each is made when it is sent. */
const piecesMax = 65_536

/**
 * The requests of a thread, prepared: `next(n)` gives the next n in one piece, ready to be sent. They take turns in their order,
 * whichever connection asks, and begin again behind the last one.
 *
 *     ┌────┬──────┬─────┬────┬ ─ ─ ┐
 *     │ 0  │  1   │  2  │ 0  │  1      3 requests for 2 in flight: the first ones stand behind the last one again,
 *     └────┴──────┴─────┴────┴ ─ ─ ┘   so that any n in a row are one piece
 */
export class RequestCycle {
  readonly #bytes: Uint8Array
  /** Where each begins, and where the last one ends. */
  readonly #starts: Uint32Array
  readonly #count: number
  /** Entry `at * pipeline + n - 1`: n requests from `at` on, made when they are sent for the first time. */
  readonly #pieces: (Uint8Array | undefined)[] | undefined
  readonly #pipeline: number
  #at = 0

  /** @param pipeline requests that are asked for at once, at most. */
  constructor({ bytes, starts }: Http1Message, pipeline: number) {
    const count = starts.length
    const length = (index: number): number => (starts[index + 1] ?? bytes.length) - starts[index]!
    const all = Array.from({ length: count + pipeline - 1 }, (_, index) => {
      const at = starts[index % count]!
      return bytes.subarray(at, at + length(index % count))
    })
    this.#bytes = Buffer.concat(all)
    this.#starts = new Uint32Array(all.length + 1)
    for (const [index, request] of all.entries()) this.#starts[index + 1] = this.#starts[index]! + request.length
    this.#count = count
    this.#pipeline = pipeline
    if (count * pipeline <= piecesMax) this.#pieces = Array.from({ length: count * pipeline }, () => undefined)
  }

  /** @param count 1..pipeline. @returns not to be written to: the same memory is sent again. */
  next(count: number): Uint8Array {
    const at = this.#at
    const after = at + count
    this.#at = after < this.#count ? after : after % this.#count
    const pieces = this.#pieces
    if (pieces === undefined) return this.#piece(at, after)
    return (pieces[at * this.#pipeline + count - 1] ??= this.#piece(at, after))
  }

  #piece(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[from], this.#starts[to])
  }
}
