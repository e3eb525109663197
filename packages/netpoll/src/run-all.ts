/** Calls each of them once, and empties the list. What one throws is an uncaught error, and does not end the others. */
export function runAll(tasks: (() => void)[]): void {
  for (let index = 0; index < tasks.length; index++) {
    try {
      tasks[index]!()
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }
  tasks.length = 0
}

function rethrow(error: unknown): never {
  throw error
}
