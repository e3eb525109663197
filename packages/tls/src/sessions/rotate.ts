import type { Server } from 'node:tls'
import type { TicketKeys } from './ticket-keys.ts'

/** Wall time may jump, so no wait is longer than this: a jump is seen within a minute. */
const waitMsMax = 60_000

/**
 * Gives a server the key set of the slot that it is, now and whenever a slot begins, until disposed of. New tickets are then
 * written with it, and only with it are tickets opened: OpenSSL has one key set per context. What accepts the slot before is
 * `createFront`; without one, a client whose slot has passed has one full handshake.
 */
export function rotateTicketKeys(server: Pick<Server, 'setTicketKeys'>, keys: TicketKeys): Disposable {
  let slot: number | undefined
  let timer: Disposable | undefined
  const turn = (): void => {
    if (keys.slot !== slot) server.setTicketKeys(keys.current())
    slot = keys.slot
    timer = keys.clock.after(Math.min(keys.restMs, waitMsMax), turn)
  }
  turn()
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() }
}
