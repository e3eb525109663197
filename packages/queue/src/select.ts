import { checkInteger, QpsError, type Random, seededRandom } from '@qps/core'
import { type Channel, type Inside, insideOf } from './channel.ts'
import { timeoutError } from './errors.ts'
import { planTimeout, type WaitOptions } from './options.ts'
import { type Attempt, notYet, type Turns, waitInTurn } from './turns.ts'

/** One of the things that `select` may do. */
export type SelectCase<T> = { channel: Channel<T>; receive: true } | { channel: Channel<T>; send: T }

/** The one thing that it did. */
export interface Selected<T> {
  /** Of the case, in the order in which they were given. */
  index: number
  /** What was received; undefined where the case sends, or where its channel has ended. */
  value: T | undefined
  /** The case wants to receive from a channel that is closed and empty: leave it out from now on. */
  ended: boolean
}

export interface SelectOptions extends WaitOptions {
  /** Where to begin to look, so that no case starves another. Default a generator of this module. */
  random?: Random | undefined
}

const defaultRandom = seededRandom(0x5e1ec7)
const casesMax = 1024

/**
 * Does one of several things, whichever can be done: receive from this channel, send to that one. Exactly one of them is
 * done, however many become possible at the same time. Where several are, a random one is first.
 *
 * @param cases 1 to 1024. A channel may appear more than once.
 * @throws QpsError QPS_CHANNEL_TIMEOUT; QPS_CHANNEL_CLOSED where the case wants to send to a closed channel;
 *   QPS_CHANNEL_WAITERS; QPS_MESSAGE_BYTES; the signal's reason.
 * @example
 * const { index, value } = await select([{ channel: tasks, receive: true }, { channel: orders, receive: true }])
 * Source: The Go Programming Language Specification, "Select statements".
 */
export async function select<T>(
  cases: readonly SelectCase<T>[],
  { signal, timeoutMs, random = defaultRandom }: SelectOptions = {},
): Promise<Selected<T>> {
  signal?.throwIfAborted()
  const limitMs = planTimeout(timeoutMs)
  const choice = new Choice(cases, random)
  const done = choice.make(undefined)
  if (done !== notYet) return done
  const timedOut = (): Error => timeoutError(`none of ${cases.length} cases was possible`, limitMs)
  return waitInTurn(choice.turns, (attempt) => choice.make(attempt), {
    clock: choice.clock,
    signal,
    timeoutMs: limitMs,
    timedOut,
  })
}

/** As `select`, at once. @returns undefined where none of the cases is possible at this moment. */
export function trySelect<T>(
  cases: readonly SelectCase<T>[],
  { random = defaultRandom }: Pick<SelectOptions, 'random'> = {},
): Selected<T> | undefined {
  const done = new Choice(cases, random).make(undefined)
  return done === notYet ? undefined : done
}

class Choice<T> {
  readonly turns: readonly Turns[]
  readonly clock: Inside<T>['plan']['clock']
  readonly #cases: readonly SelectCase<T>[]
  readonly #insides: readonly Inside<T>[]
  readonly #random: Random

  constructor(cases: readonly SelectCase<T>[], random: Random) {
    checkInteger('the number of cases', cases.length, { min: 1, max: casesMax })
    this.#cases = cases
    this.#insides = cases.map(({ channel }) => insideOf(channel))
    this.#random = random
    this.turns = [...new Set(cases.map((one, index) => this.#turnsOf(one, index)))]
    this.clock = this.#insides[0]!.plan.clock
  }

  /** @param attempt undefined while it waits in no queue. */
  make(attempt: Attempt | undefined): Selected<T> | typeof notYet {
    const { length } = this.#cases
    const start = Math.floor(this.#random() * length)
    for (let step = 0; step < length; step++) {
      const done = this.#tryCase((start + step) % length, attempt)
      if (done !== notYet) return done
    }
    return notYet
  }

  #tryCase(index: number, attempt: Attempt | undefined): Selected<T> | typeof notYet {
    const one = this.#cases[index]!
    const inside = this.#insides[index]!
    const turns = this.#turnsOf(one, index)
    // Those who wait already are served first. Where this is one of them, its turn is when they have left.
    if (attempt === undefined) turns.serve()
    if (!turns.isFirst(attempt)) return notYet
    if ('send' in one) return inside.push(one.send) ? { index, value: undefined, ended: false } : notYet
    try {
      const value = inside.take()
      return value === notYet ? notYet : { index, value, ended: false }
    } catch (error) {
      if (error instanceof QpsError && error.code === 'QPS_CHANNEL_CLOSED')
        return { index, value: undefined, ended: true }
      throw error
    }
  }

  #turnsOf(one: SelectCase<T>, index: number): Turns {
    const { senders, receivers } = this.#insides[index]!
    return 'send' in one ? senders : receivers
  }
}
