import { createPoller, type Poller } from '@qps/netpoll'

/** The poller of this thread while anybody uses it. A second one would wait for events by itself, and wake the loop again. */
let poller: Poller | undefined
let users = 0

/** The use of this thread's poller, until disposed of; the last one closes it. */
export interface PollerUse extends AsyncDisposable {
  readonly poller: Poller
}

/** @throws QpsError as `createPoller` of @qps/netpoll. */
export function usePoller(): PollerUse {
  const used = (poller ??= createPoller())
  users++
  return {
    poller: used,
    [Symbol.asyncDispose]: async () => {
      if (--users > 0) return
      poller = undefined
      await used.close()
    },
  }
}
