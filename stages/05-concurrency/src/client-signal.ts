import type { Response } from '@qps/http1'

/**
 * A signal that aborts when the client of a request has left, or stopped sending, before its answer was complete: nobody waits for
 * the work any more. For one holder per response.
 */
export function clientSignal(response: Response): AbortSignal {
  const gone = new AbortController()
  const leave = (): void => gone.abort(new Error('the client has left'))
  if (response.abandoned) leave()
  else response.watcher = { onPeerEnd: leave, onAbandon: leave, onDrain: () => {} }
  return gone.signal
}
