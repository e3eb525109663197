/** What of tests that run side by side must not happen at the same time: one after the other, in order of arrival. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** @returns when all earlier turns are over. The turn is over when it is ended or disposed of. */
  async next(): Promise<Turn> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return new Turn(resolve)
  }
}

class Turn implements Disposable {
  readonly #over: () => void

  constructor(over: () => void) {
    this.#over = over
  }

  /** @param afterMs what has been begun goes on so long before the next one has its turn. */
  end(afterMs: number): void {
    setTimeout(this.#over, afterMs)
  }

  [Symbol.dispose](): void {
    this.#over()
  }
}
