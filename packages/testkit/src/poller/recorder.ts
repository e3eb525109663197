import type { Connection, ConnectionHandler } from '@qps/netpoll'

export type CallbackName = 'onOpen' | 'onData' | 'onEnd' | 'onDrain' | 'onClose'

/** What a test does in a callback, behind the recording. */
export type Reactions = Partial<{
  onOpen(recorder: Recorder): void
  onData(recorder: Recorder, bytes: Uint8Array, start: number, end: number): void
  onEnd(recorder: Recorder): void
  onDrain(recorder: Recorder): void
  onClose(recorder: Recorder): void
}>

/** A handler that writes down which callbacks came, and what. */
export class Recorder implements ConnectionHandler {
  /** Names of the callbacks in their order; consecutive `onData` count as one. */
  readonly calls: CallbackName[] = []
  /** Callbacks that came while {@link during} ran. */
  readonly fromWithin: CallbackName[] = []
  connection!: Connection
  error: Error | undefined
  readonly #pieces: Buffer[] = []
  readonly #reactions: Reactions
  #within = false

  constructor(reactions: Reactions = {}) {
    this.#reactions = reactions
  }

  get received(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  get closed(): boolean {
    return this.calls.includes('onClose')
  }

  /** Runs a call of the interface; a callback that comes before it returns is noted. */
  during<T>(call: () => T): T {
    this.#within = true
    try {
      return call()
    } finally {
      this.#within = false
    }
  }

  onOpen(): void {
    this.#note('onOpen')
    this.#reactions.onOpen?.(this)
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#note('onData')
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)))
    this.#reactions.onData?.(this, bytes, start, end)
  }

  onEnd(): void {
    this.#note('onEnd')
    this.#reactions.onEnd?.(this)
  }

  onDrain(): void {
    this.#note('onDrain')
    this.#reactions.onDrain?.(this)
  }

  onClose(error: Error | undefined): void {
    this.#note('onClose')
    this.error = error
    this.#reactions.onClose?.(this)
  }

  #note(name: CallbackName): void {
    if (this.#within) this.fromWithin.push(name)
    if (name !== 'onData' || this.calls.at(-1) !== 'onData') this.calls.push(name)
  }
}

/** Sends back what comes, and the end of it. */
export const echo: Reactions = {
  onData: ({ connection }, bytes, start, end) => void connection.write(bytes.slice(start, end)),
  onEnd: ({ connection }) => connection.end(),
}

/** The same within the water marks: what the peer does not take is not read either. */
export const politeEcho: Reactions = {
  onData({ connection }, bytes, start, end) {
    if (!connection.write(bytes.slice(start, end))) connection.pause()
  },
  onDrain: ({ connection }) => connection.resume(),
  onEnd: ({ connection }) => connection.end(),
}
