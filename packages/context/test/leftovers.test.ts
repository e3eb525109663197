import { background, extractHttp, injectHttp } from '@qps/context'
import { type Clock, ManualClock, seededRandom, systemClock } from '@qps/core'
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'

const requests = 100_000

/** Every third one runs into its deadline, every fifth is cancelled, the others end well; a quarter of them have signals. */
test('100,000 requests with deadlines and children leave no timer, listener or entry', () => {
  const clock = new ManualClock()
  const random = seededRandom(1)
  const connection = new AbortController()
  const server = background({ clock }).withCancel(connection.signal)
  const headers = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'x-request-timeout-ms': '250',
  }
  const kept: AbortSignal[] = []
  let aborted = 0
  for (let at = 0; at < requests; at++) {
    using request = extractHttp(headers, { parent: server })
    using call = request.withTimeout(20 + random() * 100)
    injectHttp(call, {})
    if (at % 4 === 0) {
      call.signal.addEventListener('abort', () => aborted++)
      if (at % 1000 === 0) kept.push(call.signal, request.signal)
    }
    if (at % 3 === 0) clock.advance(130)
    else if (at % 5 === 0) request.cancel()
    if (at % 1000 === 999) expect(server.watchers).toBe(0)
  }
  expect(aborted).toBe(requests / 4)
  expect(kept.every((signal) => signal.aborted)).toBe(true)
  expect(clock.pending).toBe(0)
  expect(server.watchers).toBe(0)
  expect(getEventListeners(connection.signal, 'abort')).toHaveLength(0)
  expect(server.ended).toBe(false)
})

test('on the real clock neither, and the loop has nothing left to wait for', async () => {
  const before = resources()
  const clock = new CountingClock()
  const root = background({ clock })
  let late = 0
  for (let turn = 0; turn < 20; turn++) {
    const work = Array.from({ length: 50 }, async (_, at) => {
      using request = root.withTimeout(1 + (at % 3))
      using call = request.withTimeout(10_000)
      const never = Promise.withResolvers<never>()
      await call.race(at % 2 === 0 ? never.promise : Promise.resolve()).catch(() => late++)
      expect(getEventListeners(call.signal, 'abort')).toHaveLength(0)
    })
    await Promise.all(work)
  }
  expect(late).toBeGreaterThanOrEqual(500)
  expect(clock.set).toBeGreaterThan(0)
  expect(clock.pending).toBe(0)
  expect(resources()).toEqual(before)
})

/** The system's clock, which knows how many of its timers are set: they keep no process alive, so nobody else tells. */
class CountingClock implements Clock {
  set = 0
  pending = 0

  nowMs(): number {
    return systemClock.nowMs()
  }
  wallMs(): number {
    return systemClock.wallMs()
  }
  every(periodMs: number, callback: () => void): Disposable {
    return systemClock.every(periodMs, callback)
  }
  after(delayMs: number, callback: () => void): Disposable {
    let isSet = true
    const end = (): void => {
      if (isSet) this.pending--
      isSet = false
    }
    const timer = systemClock.after(delayMs, () => {
      end()
      callback()
    })
    this.set++
    this.pending++
    return {
      [Symbol.dispose]() {
        end()
        timer[Symbol.dispose]()
      },
    }
  }
}

/** What keeps this process alive; timers and turns of the test runner come and go. */
function resources(): string[] {
  const names = process.getActiveResourcesInfo()
  return names.filter((name) => !/^(Timeout|Immediate|MessagePort)$/.test(name)).toSorted()
}
