import { randomBytes } from 'node:crypto'
import { errorLine, type VariantContext } from '@qps/console'
import type { HandshakeFigures } from '@qps/metrics'
import {
  type Identity,
  listenSecure,
  type ListenSecureOptions,
  openIdentity,
  readTicketSecret,
  type SecureListener,
  TicketKeys,
} from '@qps/tls'

/** Options of the stage that only this variant has. */
export const tlsOptions = {
  cert: { type: 'string', value: 'FILE', variant: 'tls', help: 'certificate, PEM; read again when it changes' },
  key: { type: 'string', value: 'FILE', variant: 'tls', help: 'its key, PEM; without both, one is made at the start' },
  'ticket-secret': {
    type: 'string',
    value: 'FILE',
    variant: 'tls',
    help: 'at least 32 random bytes; processes that share them resume each other’s sessions',
  },
  'ticket-slot': {
    type: 'integer',
    value: 'S',
    min: 1,
    max: 86_400,
    variant: 'tls',
    help: 'seconds that one ticket key is used for; default 3600',
  },
} as const

/** How often the files are looked at. */
const filePeriodMs = 1_000
/** What the secure ports of a process share: the certificate, the keys of its tickets, the count of its handshakes. */
export class SecurePorts implements Disposable {
  readonly identity: Identity
  readonly #tickets: TicketKeys
  readonly #listeners: SecureListener[] = []

  constructor({ given, host }: VariantContext) {
    const secretFile = given('ticket-secret')
    const slotS = given('ticket-slot')
    this.#tickets = new TicketKeys({
      secret: secretFile === undefined ? randomBytes(32) : readTicketSecret(secretFile),
      ...(slotS !== undefined && { slotMs: Number(slotS) * 1000 }),
    })
    this.identity = openIdentity({
      certFile: given('cert'),
      keyFile: given('key'),
      hosts: [...new Set(['localhost', '127.0.0.1', '::1', ...(isWildcard(host) ? [] : [host])])],
      periodMs: filePeriodMs,
      onError: (error) => process.stderr.write(`${errorLine(error)}\n`),
    })
  }

  async listen(options: Omit<ListenSecureOptions, 'identity' | 'tickets'>): Promise<SecureListener> {
    const listener = await listenSecure({ ...options, identity: this.identity, tickets: this.#tickets })
    this.#listeners.push(listener)
    return listener
  }

  figures(): HandshakeFigures {
    const sum: HandshakeFigures = { full: 0, resumed: 0, failed: 0, refused: 0, silent: 0, active: 0, waiting: 0 }
    for (const listener of this.#listeners) {
      const { handshakes, gate, front } = listener.stats()
      sum.full += handshakes.full
      sum.resumed += handshakes.resumed
      sum.failed += handshakes.failed
      sum.refused += gate.refusedFull + gate.refusedTimeout
      sum.silent += front.silentClosed
      sum.active += gate.active
      sum.waiting += gate.waiting
    }
    return sum
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener[Symbol.dispose]()
    this.identity[Symbol.dispose]()
  }
}

/** No name that a client could connect to. */
function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
