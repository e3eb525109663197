/** A connection without a socket, which knows whether it is open. */
export interface FakeConnection {
  id: number
  open: boolean
}

/** The other end of a pool under test: every attempt to connect waits until the test says how it goes. */
export class Peers {
  readonly attempts: { succeed: () => void; fail: () => void }[] = []
  /** Every connection that ever was. */
  readonly all: FakeConnection[] = []
  closedTwice = 0

  readonly connect = (signal: AbortSignal): Promise<FakeConnection> => {
    const { promise, resolve, reject } = Promise.withResolvers<FakeConnection>()
    const settle = (action: () => void): (() => void) => {
      return () => {
        const place = this.attempts.indexOf(attempt)
        if (place >= 0) this.attempts.splice(place, 1)
        action()
      }
    }
    const attempt = {
      succeed: settle(() => {
        const connection = { id: this.all.length, open: true }
        this.all.push(connection)
        resolve(connection)
      }),
      fail: settle(() => reject(new Error('refused'))),
    }
    signal.addEventListener(
      'abort',
      settle(() => reject(signal.reason as Error)),
      { once: true },
    )
    this.attempts.push(attempt)
    return promise
  }

  readonly close = (connection: FakeConnection): void => {
    if (!connection.open) this.closedTwice++
    connection.open = false
  }

  get open(): number {
    return this.all.filter((connection) => connection.open).length
  }
}

/** Lets everything run that is ready to. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve()
}
