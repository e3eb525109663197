import type { HttpLimits } from '@qps/http-contract'
import type { HttpConnection } from './connection.ts'

/** The admitted connections of one client address. */
export interface Neighbors {
  /** See `addressKey`; empty over a unix socket, where all have the address of none. */
  readonly address: string
  count: number
}

/**
 * A sweep looks at one in so many of the connections at rest: their limits are many seconds, and looking is all that a
 * server does whose clients are idle (scenario 02-idle-memory).
 */
const restingShares = 4

/**
 * The open connections, in two parts. Of those that do something, or did since the sweep before, a sweep looks at each.
 * Those at rest are dealt to shares, of which it looks at one; their first byte brings them back.
 *
 *            ┌──────── wake ◄── bytes, or the end ──┐
 *   add ──► busy ─────────────► rest ─────────────► share 0 | share 1 | share 2 | share 3
 *            │    nothing to do at a sweep           │
 *            └───────────────► delete ◄──────────────┘
 *
 * It also counts those that are admitted, per client address and in all: the caps and the crowd are judged by that.
 */
export class ConnectionTable implements Iterable<HttpConnection> {
  readonly #limits: HttpLimits
  readonly #busy = new Set<HttpConnection>()
  readonly #resting = Array.from({ length: restingShares }, () => new Set<HttpConnection>())
  readonly #neighbors = new Map<string, Neighbors>()
  #admitted = 0
  #size = 0
  #rested = 0
  #sweeps = 0

  constructor(limits: HttpLimits) {
    this.#limits = limits
  }

  /** Open ones, those included that are being refused. */
  get size(): number {
    return this.#size
  }

  add(connection: HttpConnection): void {
    this.#busy.add(connection)
    this.#size++
  }

  /** Counts a connection in. @returns which cap it would pass, where it is not counted. */
  admit(connection: HttpConnection, address: string): 'connections' | 'address-connections' | undefined {
    const { connectionsMax, connectionsPerAddressMax } = this.#limits
    if (this.#admitted >= connectionsMax) return 'connections'
    const neighbors = this.#neighbors.get(address) ?? { address, count: 0 }
    // Over a unix socket no one of them can take more than its share by its address.
    if (neighbors.count >= connectionsPerAddressMax && address !== '') return 'address-connections'
    neighbors.count++
    this.#admitted++
    this.#neighbors.set(address, neighbors)
    connection.neighbors = neighbors
    return undefined
  }

  delete(connection: HttpConnection): void {
    if (!this.#setOf(connection).delete(connection)) return
    this.#size--
    const { neighbors } = connection
    if (neighbors === undefined) return
    connection.neighbors = undefined
    this.#admitted--
    if (--neighbors.count === 0) this.#neighbors.delete(neighbors.address)
  }

  /** Nothing to do for it. */
  rest(connection: HttpConnection): void {
    this.#busy.delete(connection)
    connection.restingShare = this.#rested++ % restingShares
    this.#resting[connection.restingShare]!.add(connection)
  }

  /** It does something again. */
  wake(connection: HttpConnection): void {
    this.#setOf(connection).delete(connection)
    connection.restingShare = -1
    this.#busy.add(connection)
  }

  /** Calls `look` for each connection that this sweep is to look at. `crowded`: connections are scarce, in all or for its address. */
  sweep(look: (connection: HttpConnection, crowded: boolean) => void): void {
    const { connectionsMax, connectionsPerAddressMax, crowdedRatio } = this.#limits
    const allCrowded = this.#admitted > connectionsMax * crowdedRatio
    const crowdedFrom = connectionsPerAddressMax * crowdedRatio
    const visit = (connection: HttpConnection): void => {
      const { neighbors } = connection
      const isCrowd = neighbors !== undefined && neighbors.address !== '' && neighbors.count > crowdedFrom
      look(connection, allCrowded || isCrowd)
    }
    // First, so that what comes to rest now is looked at a whole period later.
    this.#resting[this.#sweeps++ % restingShares]!.forEach(visit)
    this.#busy.forEach(visit)
  }

  *[Symbol.iterator](): Generator<HttpConnection, void, undefined> {
    yield* this.#busy
    for (const share of this.#resting) yield* share
  }

  #setOf({ restingShare }: HttpConnection): Set<HttpConnection> {
    return restingShare === -1 ? this.#busy : this.#resting[restingShare]!
  }
}
