import type { ClientConnection } from './connection.ts'
import { Fifo } from './fifo.ts'
import type { PreparedRequest } from './outgoing.ts'

/**
 * The connections that can take a request. Each is noted with the connection, so that it stands in a list once.
 *
 *   idle    last in, first out: those beyond the need grow idle and are closed
 *   roomy   in turn: the pipelines fill evenly
 *
 * What is listed may have changed since: whoever is taken is looked at first.
 */
export class Available {
  #idle: ClientConnection[] = []
  readonly #roomy = new Fifo<ClientConnection>()
  readonly #pipelining: number

  constructor(pipelining: number) {
    this.#pipelining = pipelining
  }

  addIdle(connection: ClientConnection): void {
    if (connection.inIdle) return
    connection.inIdle = true
    this.#idle.push(connection)
  }

  /** Where it has room at all. */
  addRoomy(connection: ClientConnection): void {
    if (this.#pipelining === 1 || connection.inRoomy || !connection.hasRoom) return
    connection.inRoomy = true
    this.#roomy.push(connection)
  }

  /** One without requests. It has room for more behind the one that it will get. */
  takeIdle(): ClientConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      connection.inIdle = false
      if (!connection.isIdle) continue
      this.addRoomy(connection)
      return connection
    }
    return undefined
  }

  /** One whose pipeline takes this request. */
  takeRoomy(request: PreparedRequest): ClientConnection | undefined {
    for (let left = this.#roomy.length; left > 0; left--) {
      const connection = this.#roomy.shift()!
      connection.inRoomy = false
      if (!connection.hasRoom) continue
      this.addRoomy(connection)
      if (connection.canTake(request)) return connection
    }
    return undefined
  }

  /** O(n). */
  delete(connection: ClientConnection): void {
    if (connection.inIdle) this.#idle = this.#idle.filter((other) => other !== connection)
    if (connection.inRoomy) this.#roomy.filter((other) => other !== connection)
  }
}
