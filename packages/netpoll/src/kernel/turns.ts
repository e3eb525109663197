import { AsyncLocalStorage } from 'node:async_hooks'
import { LoopWatch } from '../sys/loop-watch.ts'
import { Tasks } from '../tasks.ts'
import type { KernelPoller } from './kernel-poller.ts'

/** After so many rounds a turn ends even if more has come, so that timers and other input get their share. */
export const roundsMax = 8
/**
 * So many turns share an immediate, where nothing seems to wait behind them. That is for the collector's sake: most of what a
 * turn leaves behind is the immediate.
 */
const inRowMax = 4

/**
 * When a poller runs. The kernel's news wakes Node's loop through a {@link LoopWatch}; whoever writes, connects or closes
 * outside of a turn schedules one. Either way the turn is an immediate: handlers run where Node runs JavaScript, so
 * promise callbacks follow, errors surface, timers go on.
 *
 *     descriptor is readable ──► LoopWatch ──┐
 *     schedule ──► setImmediate ─────────────┴──► turn ──► scheduled again? no: watch on
 *
 * It also keeps the process alive for as long as connections and listeners are held.
 */
export class Turns {
  readonly #poller: KernelPoller
  #watch: LoopWatch | undefined
  /** Runs what schedules a turn outside of whatever asynchronous context is current: a turn belongs to nobody. */
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #turn = (): void => this.#run()
  readonly #arm = (): void => this.#watch!.arm()
  /** The next turn, where there is one. */
  #next: NodeJS.Immediate | undefined
  /** It is due, not only foreseen. */
  #due = false
  #running = false
  #woken = false
  #stopped = false
  #held = 0
  readonly #behind = new Tasks()
  #onNoneHeld: (() => void) | undefined

  constructor(poller: KernelPoller) {
    this.#poller = poller
  }

  /** Watches the descriptor that tells of the kernel's news. Once, at the end of the backend's construction. */
  watch(descriptor: number): void {
    this.#watch = new LoopWatch(descriptor, () => {
      this.#woken = true
      // A turn that is scheduled runs right behind this.
      if (this.#next === undefined) this.#run()
    })
    this.#outside(this.#arm)
  }

  /** Another turn is due: in this iteration of the loop where possible. */
  schedule(): void {
    this.#due = true
    this.#next ??= this.#outside(setImmediate, this.#turn)
  }

  /** There is work for the end of a turn: of the running one, or else of another. */
  ensure(): void {
    if (!this.#running) this.schedule()
  }

  /** Calls `task` when the callbacks of the running turn have returned; see `Poller`. */
  behind(task: () => void): void {
    if (this.#running) this.#behind.add(task)
    else queueMicrotask(task)
  }

  /** Keeps the process alive, until as many have let go. */
  hold(): void {
    if (this.#held++ === 0) this.#watch!.ref()
  }

  letGo(): void {
    if (--this.#held > 0) return
    this.#watch!.unref()
    this.#onNoneHeld?.()
  }

  /** Resolves when nobody holds. */
  noneHeld(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNoneHeld = resolve
      if (this.#held === 0) resolve()
    })
  }

  /** No turn comes any more. The descriptor that was watched is to be closed behind this. */
  async stop(): Promise<void> {
    await this.#watch!.close()
    this.#stopped = true
  }

  /** A few turns may share the immediate: where everybody who was told of data has answered, nobody waits for what follows it. */
  #run(): void {
    this.#next = undefined
    // The memory that a turn looks at is gone.
    if (this.#stopped) return
    if (this.#woken) {
      this.#woken = false
      this.#poller.stats.wakes++
      if (this.#poller.trace !== undefined) this.#poller.tell('wake', 1)
    }
    this.#foresee()
    try {
      for (let turns = 1; this.#take() && turns < inRowMax; turns++);
    } finally {
      if (!this.#due) this.#rest()
    }
  }

  /**
   * Asks for what most likely comes next, another turn or sleep, at the beginning of this one, where nobody's context is
   * current yet: to get out of one later costs objects.
   */
  #foresee(): void {
    if (this.#poller.hot) this.#next = setImmediate(this.#turn)
    else this.#watch!.arm()
  }

  /** @returns whether the next one may follow at once. */
  #take(): boolean {
    const poller = this.#poller
    this.#due = false
    this.#running = true
    poller.stats.turns++
    try {
      poller.turn()
    } finally {
      this.#running = false
      this.#behind.run()
    }
    return poller.settled
  }

  /** Nothing to do until the kernel says so. */
  #rest(): void {
    if (this.#next !== undefined) clearImmediate(this.#next)
    this.#next = undefined
    if (!this.#stopped && !this.#watch!.armed) this.#outside(this.#arm)
  }
}
