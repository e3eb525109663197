/** What sends over a ring in ways of its own, see `zero-copy`. At most one for each poller. */
export interface RingExtension {
  /** An operation under one of its tags has completed. */
  completed(tag: number, slot: number, result: number, flags: number): void
  /** The ring is closed. */
  release(): void
}
