import { Bell } from './bell.ts'
import type { Ring } from './ring.ts'

/** A sleep below this makes the poller hot: the next wait is in the ring. */
const hotBelowMs = 0.1

/**
 * Where the poller waits when nothing is left to do: with Node's loop, until the kernel rings the bell, or, while it is
 * hot, in the ring.
 *
 *     turn: nothing left ──► park ──► the loop sleeps ──► bell ──► leave ──► turn
 *                                     └─────── how long? ───────┘
 *                              below a tenth of a millisecond: hot until a wait in the ring has been in vain
 *
 * While the poller is awake it looks by itself, and the bell is still.
 */
export class Parking {
  parked = false
  /** The last sleep was so short that it is cheaper to wait in the ring. */
  hot = false
  readonly bell: Bell
  readonly #ring: Ring
  readonly #mayBeHot: boolean
  #sinceMs = 0

  /** @param mayBeHot whether to wait in the ring at all. */
  constructor(ring: Ring, mayBeHot: boolean) {
    this.#ring = ring
    this.#mayBeHot = mayBeHot
    using owned = new DisposableStack()
    this.bell = owned.adopt(new Bell(), (bell) => bell.close())
    ring.registerEventfd(this.bell.descriptor)
    owned.move()
  }

  /** Arms the bell. @returns whether the loop may sleep: something may have come before the bell was armed. */
  park(): boolean {
    const ring = this.#ring
    this.hot = false
    ring.quiet = false
    if (ring.enter(0) < 0 || ring.completionTail !== ring.completionHead) {
      ring.quiet = true
      return false
    }
    this.parked = true
    this.#sinceMs = performance.now()
    return true
  }

  /** Stills the bell, and finds out whether the poller is hot. */
  leave(): void {
    this.parked = false
    this.#ring.quiet = true
    this.bell.silence()
    this.hot = this.#mayBeHot && performance.now() - this.#sinceMs < hotBelowMs
  }

  release(): void {
    this.bell.close()
  }
}
