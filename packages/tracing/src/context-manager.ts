import { contextKey, currentContext, runIn } from '@qps/context'
import { type Context, type ContextManager, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { spanContextOf, traceOf } from './span-context.ts'

const apiContextKey = contextKey<Context>('context of @opentelemetry/api')

/**
 * OpenTelemetry's current context inside ours, in one AsyncLocalStorage: a deadline stays across `context.with`, and a
 * trace that was set on one side is there on the other.
 */
export class SharedContextManager implements ContextManager {
  active(): Context {
    const current = currentContext()
    const known = current.get(apiContextKey) ?? ROOT_CONTEXT
    if (current.trace === undefined) return known
    const span = trace.getSpanContext(known)
    if (span?.spanId === current.trace.parentId && span.traceId === current.trace.traceId) return known
    return trace.setSpanContext(known, spanContextOf(current.trace, true))
  }

  with<Args extends unknown[], F extends (...args: Args) => ReturnType<F>>(
    context: Context,
    callback: F,
    thisArgument?: ThisParameterType<F>,
    ...args: Args
  ): ReturnType<F> {
    const place = traceOf(trace.getSpanContext(context))
    const next = currentContext().withValue(apiContextKey, context).withTrace(place)
    return runIn(next, () => callback.apply(thisArgument, args))
  }

  /** Functions alone: an emitter is bound by binding its listeners. */
  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target
    const run = target as unknown as (this: unknown, ...args: unknown[]) => unknown
    const inContext = (receiver: unknown, args: unknown[]): unknown =>
      this.with(context, () => run.apply(receiver, args))
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return inContext(this, args)
    }
    return bound as unknown as T
  }

  enable(): this {
    return this
  }

  disable(): this {
    return this
  }
}
