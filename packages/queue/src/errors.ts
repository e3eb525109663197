import { QpsError } from '@qps/core'

/** What to do about each failure. */
const hints = {
  QPS_CHANNEL_CLOSED: 'close after the last message, and end where the channel does: for await does that by itself',
  QPS_CHANNEL_TIMEOUT: 'try again, wait longer, or shed load before this point',
  QPS_CHANNEL_WAITERS: 'await a promise before making the next one, or raise waitersMax',
  QPS_CHANNEL_ENDPOINTS: 'dispose of endpoints that are not used, and declare threads dead that have ended',
  QPS_CHANNEL_DEAD: 'declare a thread dead only after its exit event',
  QPS_MESSAGE_BYTES: 'send less at a time, or make the channel for longer messages',
} as const

/** Whoever waits, or is refused, may find it otherwise the next time. */
const retryable: readonly string[] = ['QPS_CHANNEL_TIMEOUT', 'QPS_CHANNEL_WAITERS']

function failure(code: keyof typeof hints, message: string): QpsError {
  return new QpsError(code, message, { hint: hints[code], retryable: retryable.includes(code) })
}

/** A send after the close, or a receive after the last message. */
export function closedError(what: 'send' | 'receive'): QpsError {
  const why = what === 'send' ? 'nothing can be sent' : 'everything that was sent has been received'
  return failure('QPS_CHANNEL_CLOSED', `the channel is closed: ${why}`)
}

/** Any use of an endpoint after its end. */
export function disposedError(): QpsError {
  return failure('QPS_CHANNEL_CLOSED', 'this endpoint of the channel was disposed of')
}

/** The time of a call is over. `what` went on for all of it. */
export function timeoutError(what: string, timeoutMs: number): QpsError {
  return failure('QPS_CHANNEL_TIMEOUT', `${what} for ${timeoutMs} ms`)
}

/** So many promises of an endpoint wait for the same thing already. */
export function waitersError(waitersMax: number): QpsError {
  return failure('QPS_CHANNEL_WAITERS', `${waitersMax} promises of this endpoint wait already`)
}

/** Every place for an endpoint is taken. */
export function endpointsError(endpointsMax: number): QpsError {
  return failure('QPS_CHANNEL_ENDPOINTS', `the channel has ${endpointsMax} endpoints already`)
}

/** What this endpoint held was given to others while it was at work. */
export function deadError(): QpsError {
  return failure('QPS_CHANNEL_DEAD', 'this thread was declared dead and is not: the message it moved may be lost')
}

/** A message that is no Uint8Array, or longer than the channel's messages may be. */
export function messageError(what: string, bytesMax: number): QpsError {
  return failure('QPS_MESSAGE_BYTES', `a message is a Uint8Array of at most ${bytesMax} bytes, not ${what}`)
}
