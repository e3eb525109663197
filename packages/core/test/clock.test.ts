import { ManualClock, systemClock } from '@qps/core'
import { expect, test } from 'vitest'

test('timers run in order of their instant, and see that instant', () => {
  const clock = new ManualClock()
  const seen: string[] = []
  clock.after(20, () => seen.push(`b${clock.nowMs()}`))
  clock.after(10, () => seen.push(`a${clock.nowMs()}`))
  clock.after(20, () => seen.push(`c${clock.nowMs()}`))
  clock.advance(30)
  expect(seen).toEqual(['a10', 'b20', 'c20'])
  expect(clock.nowMs()).toBe(30)
})

test('a timer set by a timer runs in the same advance, if it is due', () => {
  const clock = new ManualClock()
  const seen: number[] = []
  clock.after(10, () => clock.after(5, () => seen.push(clock.nowMs())))
  clock.advance(14)
  expect(seen).toEqual([])
  clock.advance(1)
  expect(seen).toEqual([15])
})

test('a period repeats until disposed of, and leaves nothing behind', () => {
  const clock = new ManualClock()
  let count = 0
  {
    using _timer = clock.every(10, () => count++)
    clock.advance(35)
  }
  clock.advance(100)
  expect(count).toBe(3)
  expect(clock.pending).toBe(0)
})

test('a jump of the wall clock leaves monotonic time alone', () => {
  const clock = new ManualClock(1_000_000)
  clock.advance(5)
  clock.jumpWall(3_600_000)
  expect([clock.nowMs(), clock.wallMs()]).toEqual([5, 4_600_005])
})

test('the real clock calls back, once, and not after it was disposed of', async () => {
  const startMs = systemClock.nowMs()
  await new Promise<void>((resolve) => {
    using _never = systemClock.after(1, () => expect.unreachable())
    const keepAlive = setTimeout(() => {}, 1000)
    systemClock.after(20, () => {
      clearTimeout(keepAlive)
      resolve()
    })
  })
  expect(systemClock.nowMs() - startMs).toBeGreaterThanOrEqual(19)
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1000)
})
