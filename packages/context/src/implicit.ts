import { AsyncLocalStorage } from 'node:async_hooks'
import { background, type Context } from './context.ts'

const storage = new AsyncLocalStorage<Context>()

/**
 * Calls `callback` with `context` as the current one, for everything that it calls and awaits, and returns what it returns.
 * For code that cannot be given a context; where it can, handing it over is cheaper (scenario 05-context).
 *
 * @example await runIn(context, () => handler(request))
 */
export function runIn<T>(context: Context, callback: () => T): T {
  return storage.run(context, callback)
}

/** The context of the nearest {@link runIn} around the caller, across awaits; the background where there is none. */
export function currentContext(): Context {
  return storage.getStore() ?? background()
}
