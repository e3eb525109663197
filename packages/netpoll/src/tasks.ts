/** What is to be done once, in order. It keeps its memory: whoever fills and runs it again and again leaves no garbage. */
export class Tasks {
  /** The first `#count` places are waiting. */
  readonly #tasks: ((() => void) | undefined)[] = []
  #count = 0

  add(task: () => void): void {
    this.#tasks[this.#count++] = task
  }

  /** Runs those that wait. What one throws is an uncaught error, and does not end the others; none may add to them. */
  run(): void {
    for (let index = 0; index < this.#count; index++) {
      const task = this.#tasks[index]!
      this.#tasks[index] = undefined
      try {
        task()
      } catch (error) {
        process.nextTick(rethrow, error)
      }
    }
    this.#count = 0
  }
}

function rethrow(error: unknown): never {
  throw error
}
