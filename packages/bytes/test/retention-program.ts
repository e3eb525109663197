import { detach, detachText, RetentionWatch } from '@qps/bytes'
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'

/** What a collector leaves. Run with --expose-gc; prints one line of JSON. See retention.test.ts. */
export interface RetentionFindings {
  /** Bytes that one slab has, one text has, and how many of them were made for each finding. */
  slabBytes: number
  textBytes: number
  count: number
  /** Ten bytes of each slab were kept: as views, as copies. */
  views: { bytes: number; slabs: number }
  copies: { bytes: number; slabs: number }
  /** Bytes of heap that stay when of each text this is kept. */
  slicesOf12: number
  slicesOf13: number
  detachedTexts: number
  /** Views that a watch still knew of, before and after its views were dropped. */
  watched: { before: number; after: number; slabsBefore: number }
}

const count = 32
const slabBytes = 1 << 20
/** Long enough to matter, short enough for V8's own heap: Node keeps the characters of longer ones outside. */
const textBytes = 1 << 19

/** A buffer's memory is freed a little after its collection, by another thread. */
async function collect(): Promise<void> {
  for (let round = 0; round < 8; round++) {
    globalThis.gc!()
    await turn()
  }
}

/** Makes slabs and forgets them. A function of its own, so that no local variable keeps one. */
function keepOfSlabs(keep: (slab: Uint8Array) => Uint8Array, slabs: WeakRef<ArrayBufferLike>[]): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const slab = new Uint8Array(slabBytes).fill(7)
    slabs.push(new WeakRef(slab.buffer))
    return keep(slab)
  })
}

async function leftOfSlabs(keep: (slab: Uint8Array) => Uint8Array): Promise<RetentionFindings['views']> {
  await collect()
  const before = process.memoryUsage().arrayBuffers
  const slabs: WeakRef<ArrayBufferLike>[] = []
  const kept = keepOfSlabs(keep, slabs)
  await collect()
  const bytes = process.memoryUsage().arrayBuffers - before
  const alive = slabs.filter((slab) => slab.deref() !== undefined).length
  return { bytes: kept.every((view) => view.length === 10) ? bytes : NaN, slabs: alive }
}

function keepOfTexts(keep: (text: string) => string): string[] {
  const bytes = Buffer.alloc(textBytes, 'an identifier in the middle of something long; ')
  return Array.from({ length: count }, () => keep(bytes.toString('latin1')))
}

async function leftOfTexts(keep: (text: string) => string): Promise<number> {
  await collect()
  const before = getHeapStatistics().used_heap_size
  const kept = keepOfTexts(keep)
  await collect()
  const bytes = getHeapStatistics().used_heap_size - before
  return kept.every((text) => text.startsWith('identifier')) ? bytes : NaN
}

async function watchViews(): Promise<RetentionFindings['watched']> {
  const watch = new RetentionWatch()
  let kept = keepOfSlabs((slab) => watch.track(slab.subarray(0, 10), 'ten bytes'), [])
  await collect()
  const { watched: before, slabs } = watch.report()
  kept = kept.slice(0, 1)
  await collect()
  return { before, slabsBefore: slabs.length, after: watch.report().watched - kept.length }
}

const findings: RetentionFindings = {
  slabBytes,
  textBytes,
  count,
  views: await leftOfSlabs((slab) => slab.subarray(5, 15)),
  copies: await leftOfSlabs((slab) => detach(slab.subarray(5, 15))),
  slicesOf12: await leftOfTexts((text) => text.slice(3, 15)),
  slicesOf13: await leftOfTexts((text) => text.slice(3, 16)),
  detachedTexts: await leftOfTexts((text) => detachText(text.slice(3, 16))),
  watched: await watchViews(),
}
process.stdout.write(`${JSON.stringify(findings)}\n`)
