import { type HeaderField, HpackEncoder } from '@qps/http2-frames'

/** Header lists that a session keeps the bytes of. */
const keptMax = 32

interface Kept {
  block: Uint8Array
  changes: number
}

/**
 * Encodes the header lists of a session's answers. A list is encoded once: while the encoder's table stays as it is, the
 * same list has the same bytes. Keep a list and send it again; a list made anew for each answer is encoded anew.
 */
export class BlockWriter {
  readonly #encoder = new HpackEncoder()
  readonly #kept = new Map<readonly HeaderField[], Kept>()

  /** The client's SETTINGS_HEADER_TABLE_SIZE. */
  resize(bytes: number): void {
    this.#encoder.resize(bytes)
    this.#kept.clear()
  }

  /** @returns bytes that must not be changed, and are as good as new until the next call. */
  block(fields: readonly HeaderField[]): Uint8Array {
    const kept = this.#kept.get(fields)
    if (kept !== undefined && kept.changes === this.#encoder.tableChanges) return kept.block
    const changesBefore = this.#encoder.tableChanges
    const out = new Uint8Array(HpackEncoder.blockBytesMax(fields))
    const block = out.slice(0, this.#encoder.encode(fields, out, 0))
    const changes = this.#encoder.tableChanges
    if (changes === changesBefore && Object.isFrozen(fields)) {
      if (this.#kept.size >= keptMax) this.#kept.clear()
      this.#kept.set(fields, { block, changes })
    }
    return block
  }
}
