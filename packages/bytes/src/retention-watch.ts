import { checkInteger, checkNumber } from '@qps/core'
import { watchDefaults, type WatchOptions } from './options.ts'

/** A view that keeps more than it has. */
export interface HeldView {
  /** What its owner said of it. */
  note: string
  /** The line that began to watch it, as a stack trace says it. */
  from: string
  bytes: number
}

/** A piece of memory of which little is looked at. */
export interface HeldSlab {
  /** Bytes of all of it. */
  keptBytes: number
  /** Bytes that the watched views have of it; what two of them share counts once. */
  ownBytes: number
  /** The second divided by the first, 0..1. */
  share: number
  /** How many watched views there are of it. */
  viewCount: number
  /** The smallest of them, up to `viewsShownMax`: small views are the ones to copy. */
  views: HeldView[]
}

export interface RetentionReport {
  /** Views that are watched and still alive, those of well-used memory included. */
  watched: number
  /** Views that were not watched, because there were `viewsMax` already. */
  unwatched: number
  /** Sums over `slabs`. */
  keptBytes: number
  ownBytes: number
  /** Memory of which less than `shareMin` is looked at, the most wasteful first. */
  slabs: HeldSlab[]
}

interface Watched {
  readonly view: WeakRef<ArrayBufferView>
  readonly note: string
  readonly from: string
}

/**
 * Finds small views that keep large memory alive: a tool for development and for tests.
 *
 * Tell it of every view that outlives its request; ask it later which of them are still there and what they cost. It holds
 * them weakly, so that watching keeps nothing alive. A `track` takes a stack trace, which is far too much for a path that
 * serves; a `report` is O(n log n) in the watched views, and keeps what it looked at alive until the current job ends.
 *
 * @example
 * const watch = new RetentionWatch()
 * session.id = watch.track(body.subarray(8, 24), 'session id')
 * for (const slab of watch.report().slabs) console.warn(slab.keptBytes, slab.views[0])
 * Source: ECMA-262, WeakRef and FinalizationRegistry.
 */
export class RetentionWatch {
  readonly #viewsMax: number
  readonly #shareMin: number
  readonly #viewsShownMax: number
  readonly #watched = new Map<number, Watched>()
  readonly #collected: FinalizationRegistry<number>
  #next = 0
  #unwatched = 0

  /** @throws QpsError QPS_OPTION for an option out of its range. */
  constructor(options: WatchOptions = {}) {
    const { viewsMax = watchDefaults.viewsMax, shareMin = watchDefaults.shareMin } = options
    const { viewsShownMax = watchDefaults.viewsShownMax } = options
    this.#viewsMax = checkInteger('viewsMax', viewsMax, { min: 1, max: 1_000_000 })
    this.#shareMin = checkNumber('shareMin', shareMin, { min: 0, max: 1 })
    this.#viewsShownMax = checkInteger('viewsShownMax', viewsShownMax, { min: 1, max: 1000 })
    this.#collected = new FinalizationRegistry((id) => this.#watched.delete(id))
  }

  /**
   * Watches a view until it is collected.
   *
   * @param note whose it is, for the report.
   * @returns the view.
   */
  track<View extends ArrayBufferView>(view: View, note: string): View {
    if (this.#watched.size >= this.#viewsMax) {
      this.#unwatched++
      return view
    }
    const id = this.#next++
    this.#watched.set(id, { view: new WeakRef(view), note, from: callerOf(RetentionWatch.prototype.track) })
    this.#collected.register(view, id)
    return view
  }

  /** What is kept alive now, and by whom. */
  report(): RetentionReport {
    const byMemory = new Map<ArrayBufferLike, { view: ArrayBufferView; watched: Watched }[]>()
    let alive = 0
    for (const watched of this.#watched.values()) {
      const view = watched.view.deref()
      if (view === undefined) continue
      alive++
      const others = byMemory.get(view.buffer)
      if (others === undefined) byMemory.set(view.buffer, [{ view, watched }])
      else others.push({ view, watched })
    }
    const slabs: HeldSlab[] = []
    for (const [memory, held] of byMemory) {
      const ownBytes = coveredBytes(held.map(({ view }) => view))
      const share = memory.byteLength === 0 ? 1 : ownBytes / memory.byteLength
      if (share >= this.#shareMin) continue
      const views = held
        .map(({ view, watched }) => ({ note: watched.note, from: watched.from, bytes: view.byteLength }))
        .toSorted((left, right) => left.bytes - right.bytes)
        .slice(0, this.#viewsShownMax)
      slabs.push({ keptBytes: memory.byteLength, ownBytes, share, viewCount: held.length, views })
    }
    slabs.sort((left, right) => right.keptBytes - right.ownBytes - (left.keptBytes - left.ownBytes))
    return {
      watched: alive,
      unwatched: this.#unwatched,
      keptBytes: slabs.reduce((sum, slab) => sum + slab.keptBytes, 0),
      ownBytes: slabs.reduce((sum, slab) => sum + slab.ownBytes, 0),
      slabs,
    }
  }
}

/** Bytes of one piece of memory that at least one of the views has. */
function coveredBytes(views: readonly ArrayBufferView[]): number {
  let covered = 0
  let coveredTo = 0
  for (const view of views.toSorted((left, right) => left.byteOffset - right.byteOffset)) {
    const end = view.byteOffset + view.byteLength
    if (end > coveredTo) covered += end - Math.max(coveredTo, view.byteOffset)
    coveredTo = Math.max(coveredTo, end)
  }
  return covered
}

/** Where a function was called, or '' where the process collects no stack traces. */
function callerOf(called: (...values: never[]) => unknown): string {
  const trace: { stack?: string } = {}
  Error.captureStackTrace(trace, called)
  return trace.stack?.split('\n')[1]?.trim().replace(/^at /, '') ?? ''
}
