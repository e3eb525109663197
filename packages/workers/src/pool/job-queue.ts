import type { Job } from './job.ts'

interface Level {
  first: Job | undefined
  last: Job | undefined
}

/**
 * Jobs in the order in which they are to go: by level, and within one in the order of arrival. A job is in one queue at a time,
 * and its neighbors are part of it, so that taking one out of the middle costs as little as adding one. O(1), O(levels) where
 * the first one is looked for.
 */
export class JobQueue implements Iterable<Job> {
  size = 0
  readonly #levels: Level[]

  constructor(levels: number) {
    this.#levels = Array.from({ length: levels }, () => ({ first: undefined, last: undefined }))
  }

  push(job: Job): void {
    const level = this.#levels[job.level]!
    job.before = level.last
    job.behind = undefined
    if (level.last === undefined) level.first = job
    else level.last.behind = job
    level.last = job
    this.size++
  }

  /** In front of all others of its level: it had its turn before. */
  unshift(job: Job): void {
    const level = this.#levels[job.level]!
    job.before = undefined
    job.behind = level.first
    if (level.first === undefined) level.last = job
    else level.first.before = job
    level.first = job
    this.size++
  }

  /** The most urgent one, of those the oldest. It stays where it is. */
  first(): Job | undefined {
    for (let level = 0; level < this.#levels.length; level++) {
      const { first } = this.#levels[level]!
      if (first !== undefined) return first
    }
    return undefined
  }

  /** Takes that one out. */
  shift(): Job | undefined {
    const first = this.first()
    if (first !== undefined) this.remove(first)
    return first
  }

  /** The oldest of the least urgent. It stays where it is. */
  leastUrgent(): Job | undefined {
    return this.#levels.findLast(({ first }) => first !== undefined)?.first
  }

  *[Symbol.iterator](): Generator<Job, void, undefined> {
    for (const { first } of this.#levels) for (let job = first; job !== undefined; job = job.behind) yield job
  }

  /** Takes one out that is in this queue. */
  remove(job: Job): void {
    const level = this.#levels[job.level]!
    if (job.before === undefined) level.first = job.behind
    else job.before.behind = job.behind
    if (job.behind === undefined) level.last = job.before
    else job.behind.before = job.before
    job.before = job.behind = undefined
    this.size--
  }
}
