import { WorkerPool, type WorkerPoolOptions } from '@qps/workers'
import type * as Tasks from './tasks.ts'

export type TestPool = WorkerPool<typeof Tasks>

/** A pool of the functions in `tasks.ts`: one thread, and no word on standard error about a loss, unless told otherwise. */
export function poolOf(options: Partial<WorkerPoolOptions> = {}): TestPool {
  return new WorkerPool<typeof Tasks>({
    module: new URL('./tasks.ts', import.meta.url),
    threadsMin: 1,
    threadsMax: 1,
    onLoss: () => {},
    ...options,
  })
}

/** The code of the error that a promise is rejected with; `none` where it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
}

export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come true within ten seconds`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
