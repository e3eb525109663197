import { background, type Context, contextKey } from '@qps/context'
import { ManualClock, QpsError } from '@qps/core'
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'

function clocked(): { clock: ManualClock; root: Context } {
  const clock = new ManualClock()
  return { clock, root: background({ clock }) }
}

function codeOf(context: Context): string | undefined {
  return context.reason?.code
}

describe('deadlines', () => {
  test('the background has none and never ends', () => {
    const { root } = clocked()
    expect(root.deadlineMs).toBe(Infinity)
    expect(root.remainingMs()).toBe(Infinity)
    expect(root.ended).toBe(false)
    expect(root.reason).toBeUndefined()
    expect(root.signal.aborted).toBe(false)
    expect(background()).toBe(background())
  })

  test('a timeout counts from now, and the context ends at that instant', () => {
    const { clock, root } = clocked()
    clock.advance(1000)
    const context = root.withTimeout(250)
    expect(context.deadlineMs).toBe(1250)
    clock.advance(249)
    expect(context.remainingMs()).toBe(1)
    expect(context.ended).toBe(false)
    context.throwIfEnded()
    clock.advance(1)
    expect(context.remainingMs()).toBe(0)
    expect(context.ended).toBe(true)
    expect(() => context.throwIfEnded()).toThrow(QpsError)
    expect(context.reason).toMatchObject({ code: 'QPS_DEADLINE', retryable: false })
    expect(context.reason!.message).toContain('250 ms')
    expect(context.reason).toBe(context.reason)
  })

  test('a child never has more time than its parent, and may have less', () => {
    const { clock, root } = clocked()
    const parent = root.withTimeout(100)
    expect(parent.withTimeout(200).deadlineMs).toBe(100)
    expect(parent.withDeadline(Infinity).deadlineMs).toBe(100)
    const child = parent.withTimeout(40)
    clock.advance(40)
    expect(codeOf(child)).toBe('QPS_DEADLINE')
    expect(parent.ended).toBe(false)
    clock.advance(60)
    expect(parent.withTimeout(5).reason).toBe(parent.reason)
  })

  test('those that end with one deadline have one reason', () => {
    const { clock, root } = clocked()
    const request = root.withTimeout(100)
    const call = request.withCancel().withTimeout(Infinity)
    const other = request.withTimeout(500)
    const { signal } = other
    clock.advance(100)
    expect(signal.reason).toBe(request.reason)
    expect(call.reason).toBe(request.reason)
  })

  test.each([0, -1, -Infinity])('a timeout of %d has passed already', (timeoutMs) => {
    const { root } = clocked()
    expect(root.withTimeout(timeoutMs).ended).toBe(true)
    expect(root.withTimeout(timeoutMs).signal.aborted).toBe(true)
  })

  test('what is no number is refused', () => {
    const { root } = clocked()
    for (const wrong of [NaN, '100', undefined, null]) {
      expect(() => root.withTimeout(wrong as number)).toThrow(/timeoutMs must be a number of milliseconds/)
      expect(() => root.withDeadline(wrong as number)).toThrow(/deadlineMs must be a number of milliseconds/)
    }
  })

  test('a jump of the wall clock changes nothing', () => {
    const { clock, root } = clocked()
    const context = root.withTimeout(100)
    const { signal } = context
    clock.jumpWall(3_600_000)
    expect(context.ended).toBe(false)
    expect(signal.aborted).toBe(false)
    clock.advance(100)
    expect(signal.aborted).toBe(true)
  })

  test('a deadline beyond what timers can wait is kept all the same', () => {
    const { clock, root } = clocked()
    const farMs = 2 ** 31 + 1000
    const { signal } = root.withTimeout(farMs)
    clock.advance(farMs - 1)
    expect(signal.aborted).toBe(false)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    expect(signal.aborted).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('a timer that fires early is set again', () => {
    const { clock, root } = clocked()
    const hasty = {
      ...bound(clock),
      after: (delayMs: number, callback: () => void) => clock.after(delayMs / 2, callback),
    }
    const { signal } = background({ clock: hasty }).withTimeout(100)
    clock.advance(99)
    expect(signal.aborted).toBe(false)
    clock.advance(2)
    expect(signal.aborted).toBe(true)
    expect(root.ended).toBe(false)
  })
})

function bound(clock: ManualClock): { nowMs(): number; wallMs(): number; every: ManualClock['every'] } {
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    every: (periodMs, callback) => clock.every(periodMs, callback),
  }
}

describe('cancellation', () => {
  test('reaches everything below, and nothing above or beside', () => {
    const { root } = clocked()
    const server = root.withCancel()
    const request = server.withCancel()
    const other = server.withCancel()
    const call = request.withTimeout(1000).withValue(contextKey('a'), 1)
    const signals = [server, request, other, call].map(({ signal }) => signal)
    request.cancel()
    expect([server, request, other, call].map(({ ended }) => ended)).toEqual([false, true, false, true])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true, false, true])
    expect(call.reason).toBe(request.reason)
    expect(codeOf(call)).toBe('QPS_CANCELLED')
  })

  test('those above are told first', () => {
    const { root } = clocked()
    const seen: string[] = []
    const parent = root.withCancel()
    const child = parent.withCancel()
    child.signal.addEventListener('abort', () => seen.push('child'))
    parent.signal.addEventListener('abort', () => seen.push(`parent, child ended: ${child.ended}`))
    parent.cancel()
    expect(seen).toEqual(['parent, child ended: true', 'child'])
  })

  test('the reason is kept: an error of ours as it is, anything else as the cause', () => {
    const { root } = clocked()
    const full = new QpsError('QPS_POOL_FULL', 'no room')
    const first = root.withCancel()
    first.cancel(full)
    first.cancel(new Error('too late'))
    expect(first.reason).toBe(full)
    const second = root.withCancel()
    second.cancel(new Error('the client has gone'))
    expect(second.reason).toMatchObject({ code: 'QPS_CANCELLED', cause: { message: 'the client has gone' } })
    expect(second.reason!.message).toContain('the client has gone')
  })

  test('after the deadline it is the deadline that was the reason', () => {
    const { clock, root } = clocked()
    const context = root.withTimeout(10)
    clock.advance(10)
    context.cancel()
    expect(codeOf(context)).toBe('QPS_DEADLINE')
  })

  test('a signal that is asked for afterwards has aborted already', () => {
    const { clock, root } = clocked()
    const context = root.withTimeout(10)
    context.cancel()
    expect(context.signal.reason).toBe(context.reason)
    expect(context.withValue(contextKey('a'), 1).signal).toBe(context.signal)
    expect(clock.pending).toBe(0)
  })

  test('the end of a block ends the context, with one reason for all', () => {
    const { root } = clocked()
    let first: Context
    {
      using context = root.withTimeout(1000)
      first = context
      expect(context.ended).toBe(false)
    }
    const second = root.withCancel()
    second[Symbol.dispose]()
    expect(codeOf(first)).toBe('QPS_CANCELLED')
    expect(second.reason).toBe(first.reason)
  })

  test('a signal from outside ends it, whether anybody listens or not', () => {
    const { root } = clocked()
    const connection = new AbortController()
    const silent = root.withCancel(connection.signal)
    const heard = root.withCancel(connection.signal).withTimeout(1000)
    const { signal } = heard
    expect(getEventListeners(connection.signal, 'abort')).toHaveLength(1)
    connection.abort(new Error('socket closed'))
    expect(signal.reason).toMatchObject({ code: 'QPS_CANCELLED' })
    expect(silent.reason!.message).toContain('socket closed')
    expect(getEventListeners(connection.signal, 'abort')).toHaveLength(0)
    expect(root.withCancel(connection.signal).signal.aborted).toBe(true)
  })

  test('a tree of many levels ends without recursion', () => {
    const { clock, root } = clocked()
    const top = root.withTimeout(1000)
    let bottom: Context = top
    for (let level = 0; level < 20_000; level++) bottom = bottom.withCancel()
    const { signal } = bottom
    top.cancel()
    expect(signal.aborted).toBe(true)
    expect(clock.pending).toBe(0)
  })
})

describe('what is set up', () => {
  test('nothing before a signal is asked for', () => {
    const { clock, root } = clocked()
    const request = root.withTimeout(100)
    const call = request.withTimeout(50)
    expect([call.ended, call.remainingMs(), clock.pending, request.watchers]).toEqual([false, 50, 0, 0])
  })

  test('one timer for each deadline above a signal, and none twice', () => {
    const { clock, root } = clocked()
    const request = root.withTimeout(100)
    const call = request.withTimeout(50)
    const later = request.withTimeout(500)
    for (const { signal } of [call, later, call, request]) expect(signal.aborted).toBe(false)
    expect(clock.pending).toBe(2)
    expect(request.watchers).toBe(2)
  })

  test("what ends takes its timer, its entry and its parents' with it", () => {
    const { clock, root } = clocked()
    const outside = new AbortController()
    const server = root.withCancel(outside.signal)
    const request = server.withTimeout(100)
    const call = request.withTimeout(50)
    const { signal } = call
    expect([clock.pending, server.watchers, request.watchers]).toEqual([2, 1, 1])
    expect(getEventListeners(outside.signal, 'abort')).toHaveLength(1)
    call[Symbol.dispose]()
    expect(signal.aborted).toBe(true)
    expect([clock.pending, server.watchers, request.watchers]).toEqual([0, 0, 0])
    expect(getEventListeners(outside.signal, 'abort')).toHaveLength(0)
    expect(request.ended).toBe(false)
  })

  test('a parent with a signal of its own stays as it is when its last child ends', () => {
    const { clock, root } = clocked()
    const request = root.withTimeout(100)
    const { signal } = request
    const call = request.withTimeout(50)
    expect(call.signal.aborted).toBe(false)
    call[Symbol.dispose]()
    expect([clock.pending, request.watchers]).toEqual([1, 0])
    clock.advance(100)
    expect(signal.aborted).toBe(true)
  })

  test('a listener may end other contexts', () => {
    const { clock, root } = clocked()
    const request = root.withTimeout(100)
    const calls = Array.from({ length: 5 }, () => request.withTimeout(50))
    calls[0]!.signal.addEventListener('abort', () => {
      for (const call of calls) call.cancel()
      request.cancel()
    })
    for (const { signal } of calls) expect(signal.aborted).toBe(false)
    clock.advance(50)
    expect(calls.every(({ signal }) => signal.aborted)).toBe(true)
    expect([clock.pending, request.watchers, request.ended]).toEqual([0, 0, true])
  })
})

describe('race', () => {
  test('gives what the work gives, in time', async () => {
    const { clock, root } = clocked()
    using context = root.withTimeout(100)
    await expect(context.race(Promise.resolve(7))).resolves.toBe(7)
    await expect(context.race(Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(getEventListeners(context.signal, 'abort')).toHaveLength(0)
    expect(clock.pending).toBe(1)
  })

  test('rejects with the reason when the context ends, and drops what comes after', async () => {
    const { clock, root } = clocked()
    using context = root.withTimeout(100)
    const work = Promise.withResolvers<number>()
    const raced = context.race(work.promise)
    clock.advance(100)
    await expect(raced).rejects.toMatchObject({ code: 'QPS_DEADLINE' })
    work.reject(new Error('nobody hears this'))
    await expect(context.race(Promise.resolve(1))).rejects.toMatchObject({ code: 'QPS_DEADLINE' })
    expect(getEventListeners(context.signal, 'abort')).toHaveLength(0)
  })
})

describe('values', () => {
  test('are found from below, the nearest first', () => {
    const { root } = clocked()
    const user = contextKey<string>('user')
    const tenant = contextKey<number>('tenant')
    const outer = root.withValue(user, 'ada').withTimeout(100)
    const inner = outer.withValue(tenant, 7).withValue(user, 'grace').withCancel()
    expect([outer.get(user), outer.get(tenant)]).toEqual(['ada', undefined])
    expect([inner.get(user), inner.get(tenant)]).toEqual(['grace', 7])
    expect(root.get(user)).toBeUndefined()
  })

  test('two keys of one name are two keys', () => {
    const [one, other] = [contextKey<number>('__proto__'), contextKey<number>('__proto__')]
    const context = background().withValue(one, 1)
    expect([context.get(one), context.get(other)]).toEqual([1, undefined])
  })

  test('change neither deadline nor end', () => {
    const { root } = clocked()
    const request = root.withTimeout(100)
    const named = request.withValue(contextKey<string>('a'), 'b').withTrace(undefined)
    expect(named.deadlineMs).toBe(100)
    expect(named.signal).toBe(request.signal)
    request.cancel()
    expect(named.reason).toBe(request.reason)
  })
})
