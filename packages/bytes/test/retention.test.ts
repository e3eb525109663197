import { detach, detachText, retention, RetentionWatch, watchDefaults } from '@qps/bytes'
import { sourceFlags } from '@qps/core'
import fc from 'fast-check'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { anyText } from './arbitraries.ts'
import type { RetentionFindings } from './retention-program.ts'

describe('what the collector leaves (claim 3.3b)', () => {
  let found: RetentionFindings
  beforeAll(() => {
    const program = fileURLToPath(new URL('./retention-program.ts', import.meta.url))
    const argv = ['--expose-gc', ...sourceFlags(import.meta.url), program]
    found = JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8', timeout: 30_000 })) as RetentionFindings
  })

  test('ten bytes keep their whole slab', () => {
    expect(found.views.slabs).toBe(found.count)
    expect(found.views.bytes).toBeGreaterThan(0.9 * found.count * found.slabBytes)
  })

  test('a copy of ten bytes lets it go', () => {
    expect(found.copies.slabs).toBe(0)
    expect(found.copies.bytes).toBeLessThan(0.1 * found.count * found.slabBytes)
  })

  test('thirteen characters of a string keep all of it, twelve do not, and neither does a copy of thirteen', () => {
    const all = found.count * found.textBytes
    expect(found.slicesOf13).toBeGreaterThan(0.9 * all)
    expect(found.slicesOf12).toBeLessThan(0.1 * all)
    expect(found.detachedTexts).toBeLessThan(0.1 * all)
  })

  test('a watch keeps nothing alive', () => {
    expect(found.watched).toEqual({ before: found.count, slabsBefore: found.count, after: 0 })
  })
})

test('a small buffer of Node keeps a whole pool', () => {
  const { bytes, keptBytes, share } = retention(Buffer.from('ten bytes!'))
  expect([bytes, share]).toEqual([10, 10 / keptBytes])
  expect(keptBytes).toBeGreaterThanOrEqual(Buffer.poolSize)
  expect(Buffer.poolSize).toBeGreaterThanOrEqual(8192)
  expect(retention(Buffer.alloc(10))).toEqual({ bytes: 10, keptBytes: 10, share: 1 })
  expect(retention(new DataView(new ArrayBuffer(40), 4, 10))).toEqual({ bytes: 10, keptBytes: 40, share: 0.25 })
  expect(retention(new Uint8Array(0)).share).toBe(1)
})

describe('copies', () => {
  test('of bytes are equal and have memory of their own, of a Buffer as well, whose slice is a view', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 40 }), (bytes, at) => {
        const view = Buffer.from(bytes).subarray(Math.min(at, bytes.length))
        const copy = detach(view)
        expect([...copy]).toEqual([...view])
        expect(retention(copy).share).toBe(1)
        expect(copy.buffer).not.toBe(view.buffer)
        if (view.length === 0) return
        view[0] = view[0]! ^ 0xff
        expect(copy[0]).not.toBe(view[0])
      }),
    )
  })

  test('of strings are equal, whatever they contain', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(detachText(text)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a watch', () => {
  test('reports memory of which little is looked at, with who looks, the most wasteful first', () => {
    const watch = new RetentionWatch()
    const [small, large, used] = [new ArrayBuffer(1000), new ArrayBuffer(5000), new ArrayBuffer(100)]
    const views = [
      watch.track(new Uint8Array(small, 0, 10), 'a session'),
      watch.track(new Uint8Array(large, 0, 200), 'a body'),
      watch.track(new DataView(large, 100, 200), 'its head'),
      watch.track(new Uint8Array(used, 0, 50), 'a field'),
    ]
    const report = watch.report()
    expect(report).toMatchObject({ watched: views.length, unwatched: 0, keptBytes: 6000, ownBytes: 310 })
    expect(report.slabs).toMatchObject([
      { keptBytes: 5000, ownBytes: 300, share: 0.06, viewCount: 2, views: [{ note: 'a body' }, { note: 'its head' }] },
      { keptBytes: 1000, ownBytes: 10, share: 0.01, viewCount: 1, views: [{ note: 'a session', bytes: 10 }] },
    ])
    expect(report.slabs[1]!.views[0]!.from).toContain('retention.test.ts')
  })

  test('does not mind a slab that many small views use up together', () => {
    const watch = new RetentionWatch()
    const slab = new Uint8Array(1000)
    const views = Array.from({ length: 10 }, (_, index) =>
      watch.track(slab.subarray(60 * index, 60 * index + 60), `view ${index}`),
    )
    expect(watch.report()).toMatchObject({ watched: views.length, slabs: [] })
    const strict = new RetentionWatch({ shareMin: 0.7, viewsShownMax: 3 })
    for (const view of views) strict.track(view, 'a view')
    expect(strict.report().slabs).toMatchObject([{ ownBytes: 600, viewCount: 10, views: { length: 3 } }])
  })

  test('covers what views cover together, however they overlap', () => {
    const range = fc.tuple(fc.nat({ max: 50 }), fc.nat({ max: 50 }))
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 12 }), (ranges) => {
        const slab = new Uint8Array(120)
        const watch = new RetentionWatch({ shareMin: 1 })
        const views = ranges.map(([at, length]) => watch.track(slab.subarray(at, at + length), 'a view'))
        for (const view of views) view.fill(1)
        const report = watch.report()
        expect(report.ownBytes).toBe(slab.filter((byte) => byte === 1).length)
        expect([report.keptBytes, report.watched]).toEqual([120, views.length])
      }),
    )
  })

  test('watches no more than it may, and says so', () => {
    const watch = new RetentionWatch({ viewsMax: 2 })
    const views = Array.from({ length: 5 }, () => watch.track(new Uint8Array(1), 'a byte'))
    expect(watch.report()).toMatchObject({ watched: 2, unwatched: 3 })
    expect(views.length).toBe(5)
  })

  test('does not stumble over memory that was transferred away', () => {
    const watch = new RetentionWatch()
    const memory = new ArrayBuffer(100)
    const view = watch.track(new Uint8Array(memory, 0, 10), 'ten bytes')
    structuredClone(memory, { transfer: [memory] })
    expect(watch.report()).toMatchObject({ watched: 1, keptBytes: 0, slabs: [] })
    expect(view.length).toBe(0)
  })

  test('refuses options out of their range', () => {
    for (const options of [{ viewsMax: 0 }, { shareMin: 1.1 }, { shareMin: NaN }, { viewsShownMax: 0 }]) {
      expect(() => new RetentionWatch(options)).toThrow(expect.objectContaining({ code: 'QPS_OPTION' }))
    }
    expect(watchDefaults.shareMin).toBe(0.5)
  })
})
