/** More sleepers than there can be: from here on the count of tokens need not grow. See {@link Bell.register}. */
const tokensMax = 4096

/**
 * Wakes threads that sleep until a channel has what they want: a message, or room for one. Threads that find it at once
 * never touch the bell, and those who make it ring only look at one word while nobody sleeps.
 *
 * Two words of shared memory: an `epoch`, which sleepers wait on, and `tokens`, which say how many to wake. A sleeper does
 *
 *     e := epoch · tokens += 1 · look once more · sleep while epoch = e
 *
 * and whoever has made a change that a sleeper may wait for does, behind it,
 *
 *     if tokens > 0:  tokens -= 1 · epoch += 1 · wake one
 *
 * **No wake-up is lost.** All of these are sequentially consistent. Either the waker reads tokens after the sleeper's addition, and
 * then it rings; or it reads them before, and then its change stands before the sleeper's last look, which sees it.
 *
 * **One ring wakes one, and every sleeper has a ring.** A token is taken by exactly one waker. Let `taken` be tokens whose
 * waker has not yet raised the epoch, `raised` those whose waker has, and has not yet woken anybody; `asleep` those who
 * sleep, and `near` those who have added a token, are not asleep yet, and whose e is still the epoch. Then always
 *
 *     tokens + taken >= near + max(0, asleep - raised)
 *
 * To register adds one to both sides. To fall asleep moves one from near to asleep. To take moves one from tokens to taken.
 * To raise moves one from taken to raised and leaves nobody near, since every e is now old. To wake ends a raised and a sleep, or, where
 * nobody sleeps, a raised that made no difference. To give up only lowers the right side. So where no waker is under way and
 * tokens = 0, nobody sleeps.
 *
 * That is why a sleeper never takes its own token back, however it left: a token too many costs a wake-up of nobody, and
 * the one taken back could have been another's. A thread that dies asleep leaves a token too many. One that dies between taking and
 * waking leaves one too few; `wakeAll`, which `declareDead` calls, makes up for it.
 */
export class Bell {
  readonly #words: Int32Array
  readonly #epochAt: number
  readonly #tokensAt: number

  constructor(words: Int32Array, epochAt: number, tokensAt: number) {
    this.#words = words
    this.#epochAt = epochAt
    this.#tokensAt = tokensAt
  }

  /** Whether somebody may sleep. */
  get asleep(): boolean {
    return Atomics.load(this.#words, this.#tokensAt) !== 0
  }

  /** What to pass to `sleep` or `sleepAsync`: read before `register`. */
  get epoch(): number {
    return Atomics.load(this.#words, this.#epochAt)
  }

  /** Asks to be woken. Look once more between this and sleeping. */
  register(): void {
    // Where there are more tokens than sleepers can be, the right side of the inequality is smaller without another one.
    if (Atomics.load(this.#words, this.#tokensAt) < tokensMax) Atomics.add(this.#words, this.#tokensAt, 1)
  }

  /** Blocks the thread until a ring, for `timeoutMs` of real time at most. */
  sleep(epoch: number, timeoutMs: number): void {
    Atomics.wait(this.#words, this.#epochAt, epoch, timeoutMs)
  }

  /** Resolves at a ring; undefined where there was one since `epoch` was read. It keeps no event loop alive. */
  sleepAsync(epoch: number): Promise<unknown> | undefined {
    const { async, value } = Atomics.waitAsync(this.#words, this.#epochAt, epoch)
    return async ? value : undefined
  }

  /** Wakes up to `count` sleepers. */
  wake(count: number): void {
    const words = this.#words
    for (let tokens = Atomics.load(words, this.#tokensAt); tokens > 0;) {
      const taken = Math.min(count, tokens)
      const found = Atomics.compareExchange(words, this.#tokensAt, tokens, tokens - taken)
      if (found === tokens) {
        Atomics.add(words, this.#epochAt, 1)
        Atomics.notify(words, this.#epochAt, taken)
        return
      }
      tokens = found
    }
  }

  /** Wakes everybody: after a close, and after a death. Their tokens stay, which costs a few wake-ups of nobody. */
  wakeAll(): void {
    Atomics.add(this.#words, this.#epochAt, 1)
    Atomics.notify(this.#words, this.#epochAt)
  }
}
