import { move, type Task } from '@qps/workers'
import { setTimeout as wait } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'

/** Functions for tests, one for everything that a task can do to its thread. */

let calls = 0
const seen: unknown[] = []

export const double = (number: number): number => number * 2
export const echo = (value: unknown): unknown => value
export const thread = (): number => threadId
export const nothing = (): void => {}

/** Which call of this thread it is, from 0. */
export const count = (): number => calls++

/** Keeps what it is given, in order; `taken` gives it back. */
export const note = (value: unknown): number => seen.push(value)
export const taken = (): unknown[] => seen.splice(0)

export function busy(ms: number): number {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
  return ms
}

/** Works until it is told that nobody waits any more. */
export function untilCancelled(limitMs: number, task: Task): string {
  const endMs = performance.now() + limitMs
  while (performance.now() < endMs) task.throwIfCancelled()
  return 'nobody cancelled'
}

export const later = (ms: number): Promise<string> => wait(ms, 'later')

/** Waits until its signal fires, and notes that. */
export async function untilSignal(word: string, task: Task): Promise<string> {
  await wait(20_000, undefined, { signal: task.signal }).catch(() => {})
  seen.push(`${word} ${task.signal.aborted} ${(task.signal.reason as { code: string }).code}`)
  return word
}

export const traceOf = (_: undefined, task: Task): { traceId: string | undefined; state: string | undefined } => ({
  traceId: task.context.trace?.traceId,
  state: task.context.trace?.state.serialize(),
})
export const remaining = (_: undefined, task: Task): number => Math.min(task.remainingMs(), task.context.remainingMs())

export function fail(message: string): never {
  throw Object.assign(new RangeError(message), { code: 'E_TEST' })
}
export const reject = async (message: string): Promise<never> => fail(message)
export function throwText(): never {
  // eslint-disable-next-line no-throw-literal
  throw 'only text'
}

export const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0)

export function filled(length: number): unknown {
  const bytes = new Uint8Array(length).fill(7)
  return move(bytes, [bytes.buffer])
}
export const uncloneable = (): unknown => () => {}

export const exit = (code: number): never => process.exit(code)
export const exitWith = (buffer: ArrayBuffer): never => process.exit(buffer.byteLength)
export function loop(): never {
  for (;;);
}
export function exhaust(): number {
  const hoard: number[][] = []
  for (;;) hoard.push(Array.from({ length: 100_000 }, (_, index) => index + 0.5))
}
/** An error that nobody catches ends the thread. */
export function throwLater(): void {
  setTimeout(() => {
    throw new Error('thrown later')
  })
}

/** Adds one to a cell of shared memory, then works. */
export function mark({ cells, at, ms }: { cells: Int32Array; at: number; ms: number }): number {
  Atomics.add(cells, at, 1)
  return busy(ms)
}

/** Works while it holds on to what it was given. */
export function busyWith({ ms, bytes }: { ms: number; bytes: Uint8Array }): number {
  busy(ms)
  return bytes[0]!
}

let ticks = 0
export const startTicking = (ms: number): void => void setInterval(() => ticks++, ms)
export const ticked = (): number => ticks
