/**
 * Which offset may be committed, where messages of a partition are worked on side by side and end in any order: the first one
 * that is not done. What is behind it and done stays here until its turn comes.
 */
export class Commits {
  #next: number
  readonly #done = new Set<number>()

  /** @param first the offset that was delivered first. */
  constructor(first: number) {
    this.#next = first
  }

  /** A message is done. @returns the offset to commit: all below it are done. */
  ended(offset: number): number {
    this.#done.add(offset)
    while (this.#done.delete(this.#next)) this.#next++
    return this.#next
  }
}
