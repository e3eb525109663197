import { Counter, Gauge, type Registry } from 'prom-client'

/** Counts of a TLS listener since its start, and what is under way. */
export interface HandshakeFigures {
  /** Ended well: with a new session, or with one that was taken up again. */
  full: number
  resumed: number
  /** Begun, and ended badly. */
  failed: number
  /** Not begun: the queue was full, or the wait in it too long. */
  refused: number
  /** Not begun: the client did not say hello in time, or made room for others that might. */
  silent: number
  active: number
  waiting: number
}

const results = ['full', 'resumed', 'failed', 'refused', 'silent'] as const

/**
 * The metrics of TLS handshakes, read when scraped. The share of `resumed` in `full` and `resumed` is the resumption ratio.
 *
 * @param read the sum over all listeners of the process.
 */
export function handshakeMetrics(registry: Registry, read: () => HandshakeFigures): void {
  new Counter({
    name: 'tls_server_handshakes_total',
    help: 'TLS connections, by what became of their handshake.',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset()
      const figures = read()
      for (const result of results) this.inc({ result }, figures[result])
    },
  })
  new Gauge({
    name: 'tls_server_handshakes_in_progress',
    help: 'TLS handshakes that have begun, or wait to begin, and have not ended.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { active, waiting } = read()
      this.set({ state: 'active' }, active)
      this.set({ state: 'waiting' }, waiting)
    },
  })
}
