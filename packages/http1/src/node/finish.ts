/** What has ended and still has to say so. */
export interface Ending {
  readonly hasListeners: boolean
  /** Sets the last fields and emits the last events. */
  emitEnd(): void
}

let waiting: Ending[] = []

/**
 * Lets a response end behind the code that runs now, as Node's do. One with listeners gets a tick of its own, in its own
 * async context; all the others of a turn share one.
 */
export function finishSoon(ending: Ending): void {
  if (ending.hasListeners) process.nextTick(end, ending)
  else if (waiting.push(ending) === 1) process.nextTick(endAll)
}

function end(ending: Ending): void {
  ending.emitEnd()
}

function endAll(): void {
  const all = waiting
  waiting = []
  for (const ending of all) ending.emitEnd()
}
